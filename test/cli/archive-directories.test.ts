import { test } from '../serial.ts'
import { Exporter } from '../../cli/archive/exporter.ts'
import { Importer, type Imported } from '../../cli/archive/importer.ts'
import { allValues, referencedValues } from '../../cli/archive/selection.ts'
import { readTar } from '../../cli/archive/tar-entries.ts'
import { readArchive } from '../../cli/archive/tar-reader.ts'
import { concat, gather, once } from '../../src/bytes.ts'
import type { FactsAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { DstoreError } from '../../src/errors.ts'
import { Key, parseKey } from '../../src/hash/key.ts'
import { DIRECTORY_BYTES } from '../../src/limits.ts'
import { putTree } from '../../src/tree/put/put-tree.ts'
import { folderOf, type Content } from '../tree/folder.ts'
import { MemoryTrees } from '../tree/memory-trees.ts'
import { header, padded } from './archive-import.ts'

const never = new AbortController().signal
const bytesOf = (key: string): Key => new Key(parseKey(key).digest)

/** A daemon's client over a node in memory: what export and import ask it for. */
class MemoryClient {
  readonly node: MemoryTrees = new MemoryTrees()
  readonly bound: Map<string, string> = new Map()
  /** Keys of values that were put by themselves. */
  readonly plain: Set<string> = new Set()

  async *keys(): AsyncGenerator<{ key: string; size: number }> {
    for (const [text, { byteLength: size }] of this.node.values) {
      const { digest } = parseKey(text)
      const kind = this.node.made.has(new Key(digest).toHex()) ? 'directory' : 'bytes'
      yield { key: new Key(digest, kind).toString(), size }
    }
  }

  async facts(key: string): Promise<FactsAnswer> {
    const { size } = await this.get(key)
    const names = [...this.bound].filter(([, of]) => of === key).map(([name]) => name)
    return { key, size, names, confirmed: true } as unknown as FactsAnswer
  }

  async *names(): AsyncGenerator<{ name: string; key: string }> {
    for (const [name, key] of this.bound) yield { name, key }
  }

  lookup(name: string): Promise<{ name: string; key: string }> {
    return Promise.resolve({ name, key: this.bound.get(name)! })
  }

  get(key: string): ReturnType<MemoryTrees['get']> {
    return this.node.get(bytesOf(key))
  }

  async putBytes(bytes: AsyncIterable<Uint8Array>): Promise<unknown> {
    return this.#plain(await this.node.put({ bytes }))
  }

  async putMany(values: readonly Uint8Array[]): Promise<unknown[]> {
    return (await this.node.putMany(values)).map((put) => this.#plain(put))
  }

  async bind(name: string, text: string): Promise<unknown> {
    const key = parseKey(text)
    const exists = key.kind === 'directory' ? this.node.made.has(key.toHex()) : true
    if (!exists) throw new DstoreError('not-found', 'its bytes are stored, but not as a directory')
    await this.get(text)
    this.bound.set(name, text)
    return Promise.resolve({})
  }

  get asClient(): Client {
    return this as unknown as Client
  }

  #plain<T extends { readonly key: Key }>(put: T): object {
    this.plain.add(put.key.toString())
    return { ...put, key: put.key.toString() }
  }
}

async function exported(client: MemoryClient, keys?: readonly string[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  const write = (bytes: Uint8Array): Promise<void> => {
    parts.push(Uint8Array.from(bytes))
    return Promise.resolve()
  }
  const exporter = new Exporter(client.asClient, write, () => undefined)
  const references = new Map(
    keys?.map((text) => [text, { type: 'key' as const, text, key: parseKey(text) }]),
  )
  const selected =
    keys === undefined ? allValues(client.asClient) : referencedValues(client.asClient, references)
  for await (const one of selected) {
    if ('fault' in one) throw one.fault
    await exporter.add(one)
  }
  await exporter.end()
  return concat(parts)
}

async function imported(client: MemoryClient, archive: Uint8Array): Promise<Imported[]> {
  const importer = new Importer(client.asClient, client.node, () => undefined)
  const found: Imported[] = []
  for await (const one of readArchive(once(archive), never)) {
    if (one.kind === 'refused') throw one.fault
    for await (const outcome of importer.take(one)) found.push(outcome)
  }
  for await (const outcome of importer.end()) found.push(outcome)
  return found
}

async function filesIn(archive: Uint8Array): Promise<string[]> {
  const names: string[] = []
  for await (const { path } of readTar(once(archive), never)) names.push(path)
  return names
}

const failuresIn = (outcomes: readonly Imported[]): string[] =>
  outcomes.flatMap((one) => (one.kind === 'failed' ? [one.fault.message] : []))

const CONTENTS: Readonly<Record<string, Content>> = {
  'a/b/c': 'deep',
  'a/same': 'same',
  'b/same': 'same',
  empty: null,
  large: 'x'.repeat(100_000),
  link: { to: 'large' },
  run: { exec: '#!/bin/sh\n' },
}

test('R007-282, R007-283: a store with directories is another one after export and import', async (t) => {
  const [from, to] = [new MemoryClient(), new MemoryClient()]
  const { key } = await putTree(from.node, folderOf(t, CONTENTS))
  await from.putMany([Buffer.from('plain')])
  await from.bind('models/v1', key.toString())
  const archive = await exported(from)
  const files = await filesIn(archive)
  t.is(new Set(files).size, files.length)
  const kinds = files.map((file) => file.slice(0, 7))
  t.deepEqual(
    kinds.toSorted((a, b) => (a === 'bafyr4i' ? -1 : 0) - (b === 'bafyr4i' ? -1 : 0)),
    kinds,
  )
  t.deepEqual(failuresIn(await imported(to, archive)), [])
  t.deepEqual([...to.node.values.keys()].toSorted(), [...from.node.values.keys()].toSorted())
  t.deepEqual([...to.node.made].toSorted(), [...from.node.made].toSorted())
  t.deepEqual(to.bound, new Map([['models/v1', key.toString()]]))
  t.deepEqual(to.node.roots, [key.toHex()])
  t.deepEqual([...to.node.holds], [], 'every hold has ended')
  t.deepEqual(
    [...to.plain],
    [new Key((await from.node.putMany([Buffer.from('plain')]))[0]!.key.digest).toString()],
  )
})

test('R007-282: export of a directory has all that is below it, once, and nothing else', async (t) => {
  const from = new MemoryClient()
  const { key } = await putTree(from.node, folderOf(t, CONTENTS))
  const whole = await filesIn(await exported(from))
  const other = await putTree(from.node, folderOf(t, { 'other/a': 'other', 'b/same': 'same' }))
  t.deepEqual((await filesIn(await exported(from, [key.toString()]))).toSorted(), whole.toSorted())
  const both = await filesIn(await exported(from, [key.toString(), other.key.toString()]))
  t.is(new Set(both).size, both.length)
  // The other root, a directory of its own and a file; both have the directory `b`.
  t.is(both.length, whole.length + 3)
})

test('R007-284: a directory that lacks a value fails with those that it is in, and no others', async (t) => {
  const [from, to] = [new MemoryClient(), new MemoryClient()]
  const broken = await putTree(from.node, folderOf(t, { 'd/e/lost': 'lost', 'd/kept': 'kept' }))
  const whole = await putTree(from.node, folderOf(t, { 'f/kept': 'kept' }))
  const lost = (await from.node.putMany([Buffer.from('lost')]))[0]!.key
  from.node.values.delete(lost.toString())
  const failures = failuresIn(await imported(to, await exported(from)))
  t.is(failures.length, 2)
  t.regex(
    failures[0]!,
    new RegExp(`^bafyr4i\\w+ is not whole: 1 value missing, such as ${lost.toString()}$`),
  )
  t.is(failures[1], `${broken.key.toString()}: a directory below it could not be made`)
  t.deepEqual(to.node.roots, [whole.key.toHex()])
})

test('R007-105, R007-284: what has come of a directory that is not whole is kept by itself', async (t) => {
  const [from, to] = [new MemoryClient(), new MemoryClient()]
  const contents = { 'd/lost': 'lost', 'd/kept': 'kept', large: 'x'.repeat(50_000) }
  await putTree(from.node, folderOf(t, contents))
  const whole = await putTree(from.node, folderOf(t, { 'e/fine': 'fine' }))
  const lost = (await from.node.putMany([Buffer.from('lost')]))[0]!.key
  from.node.values.delete(lost.toString())
  const alone: string[] = []
  const put = to.node.put.bind(to.node)
  to.node.put = async (source, options) => {
    const result = await put(source, options)
    if (options?.hold === undefined) alone.push(result.key.toHex())
    return result
  }
  t.is(failuresIn(await imported(to, await exported(from))).length, 2)
  t.deepEqual(to.node.roots, [whole.key.toHex()])
  const inWhole = new Set([whole.key.toHex(), ...to.node.made])
  const fine = (await from.node.putMany([Buffer.from('fine')]))[0]!.key.toHex()
  const others = [...to.node.values.keys()]
    .map((text) => parseKey(text).toHex())
    .filter((digest) => !inWhole.has(digest) && digest !== fine)
  // Two files and the bytes of two directories.
  t.is(others.length, 4)
  t.deepEqual(alone.toSorted(), others.toSorted())
})

test('R007-284: values before every directory that has them are values of their own', async (t) => {
  const [from, to] = [new MemoryClient(), new MemoryClient()]
  const { key } = await putTree(from.node, folderOf(t, { 'a/b': 'b', c: 'c' }))
  const entries: Buffer[] = []
  for await (const { path, size, bytes } of readTar(once(await exported(from)), never)) {
    const content = await gather(bytes)
    entries.unshift(Buffer.concat([header(path, size, '0'), padded(content)]))
  }
  const archive = Buffer.concat([...entries, Buffer.alloc(1024)])
  t.deepEqual(failuresIn(await imported(to, archive)), [])
  t.deepEqual(to.node.roots, [key.toHex()])
  t.is(to.plain.size, 2)
})

test('R007-43, R007-283: a value under the key of a directory that is none is refused', async (t) => {
  const to = new MemoryClient()
  const value = Buffer.from('no directory')
  const { digest } = (await new MemoryTrees().putMany([value]))[0]!.key
  const name = new Key(digest, 'directory').toString()
  const archive = Buffer.concat([
    header(name, value.length, '0'),
    padded(value),
    Buffer.alloc(1024),
  ])
  t.regex(failuresIn(await imported(to, archive))[0]!, /^not a directory: /)
  const wrong = Buffer.concat([header(name, 1, '0'), padded(Buffer.from('x')), Buffer.alloc(1024)])
  t.regex(
    failuresIn(await imported(to, wrong))[0]!,
    /does not match its key: its bytes have the key bafyr4i/,
  )
  t.is(to.node.values.size, 0)
})

test('R008-8, R007-283: a value that is too large for a directory is refused before it is read', async (t) => {
  const { node, asClient } = new MemoryClient()
  const importer = new Importer(asClient, node, () => undefined)
  const file = new Key(new Uint8Array(32), 'directory').toString()
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    t.fail('it was read')
    yield await Promise.resolve(new Uint8Array(0))
  }
  const outcomes: Imported[] = []
  const one = { kind: 'value' as const, file, size: DIRECTORY_BYTES + 1, bytes: bytes() }
  for await (const outcome of importer.take(one)) outcomes.push(outcome)
  t.regex(failuresIn(outcomes)[0]!, /a directory has at most 16777216 bytes/)
})
