/** Archives, whole, hostile and broken: only verified values come out. */
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { mapConcurrently } from '../../cli/archive/map-concurrently.ts'
import { Exporter } from '../../cli/archive/exporter.ts'
import { Importer, verified, type Imported } from '../../cli/archive/importer.ts'
import {
  NamesPage,
  isNamesFile,
  parseNames,
  type ArchivedName,
} from '../../cli/archive/names-file.ts'
import { referencedValues } from '../../cli/archive/selection.ts'
import { readArchive, type ArchivedFile } from '../../cli/archive/tar-reader.ts'
import { TarWriter } from '../../cli/archive/tar-writer.ts'
import { concat, once } from '../../src/bytes.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { DstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { ARCHIVE_NAMES_BYTES, GIB, MIB, NAME_BYTES, PIECE_BYTES } from '../../src/limits.ts'
import { eventually } from '../eventually.ts'
import { pattern } from '../hash/sizes.ts'
import { MemoryTrees } from '../tree/memory-trees.ts'

/** Around a block of tar, a piece of the tree, and a piece of a stream. */
const SIZES = [0, 1, 511, 512, 513, 16 * 1024, 16 * 1024 + 1, PIECE_BYTES + 1]
const never = (): AbortSignal => new AbortController().signal

const keyOf = (bytes: Uint8Array): string => new Key(hash(bytes).digest).toString()

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length)
}

async function archiveOf(values: readonly Uint8Array[]): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  const writer = new TarWriter(async (piece) => void pieces.push(piece))
  for (const value of values) await writer.add(keyOf(value), value.byteLength, inPieces(value, 999))
  await writer.end()
  return concat(pieces)
}

/** The verified values of an archive, by key. */
async function read(archive: AsyncIterable<Uint8Array>): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  for await (const one of readArchive(archive, never())) {
    if (one.kind !== 'value') continue
    const pieces: Uint8Array[] = []
    try {
      for await (const piece of verified(one.bytes, one.file)) pieces.push(piece.slice())
      found.set(one.file, concat(pieces))
    } catch (error) {
      if ((error as { code?: string }).code !== 'integrity') throw error
    }
  }
  return found
}

test('R007-40: a written archive is read back, in pieces of any size', async (t) => {
  const values = SIZES.map(pattern)
  const archive = await archiveOf(values)
  t.is(archive.byteLength % 512, 0)
  t.is(Buffer.compare(archive, await archiveOf(values)), 0, 'the same values, the same archive')
  for (const length of [1000, 512, 65_536, archive.byteLength]) {
    const found = await read(inPieces(archive, length))
    t.is(found.size, values.length)
    for (const value of values) t.is(Buffer.compare(found.get(keyOf(value))!, value), 0)
  }
})

test('R007-43: whatever is changed in an archive, only verified values come out', async (t) => {
  const values = [pattern(0), pattern(700), pattern(3000)]
  const archive = await archiveOf(values)
  const keys = new Set(values.map(keyOf))
  const change = fc.record({ at: fc.nat(archive.byteLength - 1), to: fc.nat(255) })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const harmed = archive.slice()
      for (const { at, to } of changes) harmed[at] = to
      const found = await read(inPieces(harmed, 1024)).catch((error: { code: string }) => {
        t.is(error.code, 'unreadable')
        return new Map<string, Uint8Array>()
      })
      for (const [key, value] of found) t.true(keys.has(key) && keyOf(value) === key)
    }),
    { numRuns: 300 },
  )
})

test('R007-42: a truncated archive is unreadable, and so is any other file', async (t) => {
  const archive = await archiveOf([pattern(700), pattern(3000)])
  for (let end = 0; end < archive.byteLength; end += 256) {
    await t.throwsAsync(read(inPieces(archive.subarray(0, end), 300)), { code: 'unreadable' })
  }
  await t.throwsAsync(read(inPieces(pattern(5000), 300)), { code: 'unreadable' })
  const twice = concat([archive, archive])
  await t.throwsAsync(read(inPieces(twice, 5000)), { code: 'unreadable' })
})

test('R007-42: reading ends with its signal, and with the fault of its source', async (t) => {
  const archive = await archiveOf([pattern(3 * MIB)])
  const stop = new AbortController()
  const stuck = async function* (): AsyncGenerator<Uint8Array> {
    yield archive.subarray(0, 2 * MIB)
    await new Promise(() => undefined)
  }
  const reason = new Error('enough')
  setTimeout(() => stop.abort(reason), 20)
  const thrown = await t.throwsAsync(async () => {
    for await (const one of readArchive(stuck(), stop.signal)) {
      if (one.kind === 'value') for await (const _ of one.bytes);
    }
  })
  t.is(thrown, reason)
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield archive.subarray(0, 100)
    throw new Error('the disk')
  }
  await t.throwsAsync(read(failing()), { code: 'unreadable', message: /the disk/ })
})

/** A header of GNU tar with these fields; the rest is well-formed. */
function header(name: string, size: Uint8Array | string, type = '0'): Uint8Array {
  const block = Buffer.alloc(512)
  block.write(name, 0)
  block.write('0000644\0', 100)
  block.set(typeof size === 'string' ? Buffer.from(size) : size, 124)
  block.write('00000000000\0', 136)
  block.write(type, 156)
  block.write('ustar  \0', 257)
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** 8 GiB and more do not fit into eleven octal digits: GNU tar writes them in base 256. */
function base256(size: number): Uint8Array {
  const field = Buffer.alloc(12)
  field[0] = 0x80
  field.writeBigUInt64BE(BigInt(size), 4)
  return field
}

/** The first entry of an archive whose rest has not arrived. */
async function first(archive: Uint8Array): Promise<{ kind: string; size?: number }> {
  const beginning = async function* (): AsyncGenerator<Uint8Array> {
    yield* inPieces(archive, 512)
    await new Promise(() => undefined)
  }
  const { value } = await readArchive(beginning(), never()).next()
  if (value === undefined) throw new Error('nothing is in it')
  return value
}

test('R007-40: sizes beyond 8 GiB are written and read', async (t) => {
  const key = keyOf(pattern(1))
  const size = 9 * GIB + 1
  t.like(await first(header(key, base256(size))), { kind: 'value', size })
  const written: Uint8Array[] = []
  const writer = new TarWriter(async (piece) => void written.push(piece))
  const one = async function* (): AsyncGenerator<Uint8Array> {
    yield pattern(1)
    // The byte of the value comes after its header.
    await eventually(() => concat(written).byteLength % 512 === 1)
    throw new Error('that is enough')
  }
  await t.throwsAsync(writer.add(key, size, one()), { message: 'that is enough' })
  t.like(await first(concat(written)), { kind: 'value', size })
})

test('R007-42: malformed sizes are unreadable', async (t) => {
  const key = keyOf(pattern(1))
  for (const size of ['9', 'x', '-1', base256(2 ** 60), Buffer.alloc(12, 0xff)]) {
    const archive = concat([header(key, size), Buffer.alloc(1024)])
    await t.throwsAsync(read(once(archive)), { code: 'unreadable' })
  }
})

test('R007-42: only files that are named after keys are imported', async (t) => {
  const value = pattern(5)
  const key = keyOf(value)
  const kindOf = async (name: string, type = '0'): Promise<string> => {
    const archive = concat([header(name, '00000000005\0', type), value, Buffer.alloc(507)])
    return (await first(concat([archive, Buffer.alloc(1024)]))).kind
  }
  for (const name of [key, `./${key}`, `some/where/${key}`]) t.is(await kindOf(name), 'value', name)
  for (const name of ['names.json', './names-2.json']) t.is(await kindOf(name), 'names', name)
  const hostile = ['', '.', `../${key}`, `a/../../${key}`, `/${key}`, `${key}.txt`, 'names-0.json']
  for (const name of [...hostile, key.toUpperCase(), 'README', `${key}\n`]) {
    t.is(await kindOf(name), 'refused', name)
  }
  for (const type of '12346') {
    const archive = concat([header(key, '00000000000\0', type), Buffer.alloc(1024)])
    t.is((await first(archive)).kind, 'refused', type)
  }
})

/** A PAX header with one record, for the file that follows. */
function paxHeader(record: string): Uint8Array {
  const length = record.length + 4
  const text = `${length} ${record}\n`
  const body = Buffer.alloc(512)
  body.write(text)
  return concat([header('pax', text.length.toString(8).padStart(11, '0'), 'x'), body])
}

test('R007-42: a sparse file is refused, other PAX records are ignored', async (t) => {
  const value = pattern(5)
  const file = concat([header(keyOf(value), '00000000005'), value, Buffer.alloc(507)])
  for (const [record, kind] of [
    ['GNU.sparse.major=1', 'refused'],
    ['some.thing.else=1', 'value'],
  ] as const) {
    const archive = concat([paxHeader(record), file, Buffer.alloc(1024)])
    t.is((await first(archive)).kind, kind, record)
  }
})

test('R007-42: an entry that is not read is skipped', async (t) => {
  const archive = await archiveOf([pattern(3 * MIB), pattern(7)])
  const sizes: (number | undefined)[] = []
  for await (const one of readArchive(inPieces(archive, 65_536), never())) {
    sizes.push(one.kind === 'refused' ? undefined : one.size)
  }
  t.deepEqual(sizes, [3 * MIB, 7])
})

async function* endless(counted: { bytes: number }, size: number): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0; left -= 65_536) {
    counted.bytes += 65_536
    yield new Uint8Array(65_536)
  }
}

/** Wait until a count has begun, and then has not grown for many turns of the event loop. */
async function settled(count: () => number): Promise<void> {
  for (let same = 0, before = 0; same < 200; before = count()) {
    await new Promise((resolve) => setImmediate(resolve))
    same = count() > 0 && count() === before ? same + 1 : 0
  }
}

test('R007-40: writing and reading obey back-pressure', async (t) => {
  const size = 64 * MIB
  const made = { bytes: 0 }
  const writer = new TarWriter(() => new Promise(() => undefined))
  void writer.add(keyOf(pattern(1)), size, endless(made, size)).catch(() => undefined)
  const source = { bytes: 0 }
  const archive = async function* (): AsyncGenerator<Uint8Array> {
    yield header(keyOf(pattern(1)), base256(size))
    yield* endless(source, size)
  }
  const entries = readArchive(archive(), never())
  const { value } = await entries.next()
  t.is(source.bytes, 0, 'nothing is read before it is wanted')
  if (value?.kind !== 'value') throw new Error('it is a value')
  await value.bytes[Symbol.asyncIterator]().next()
  await settled(() => made.bytes)
  t.true(made.bytes < 12 * MIB, `${made.bytes} bytes were made`)
  t.is(source.bytes, 65_536)
  writer.abandon(new Error('enough'))
})

test('R007-40: an archive fails with the fault of its output', async (t) => {
  const full = new Error('full')
  const writer = new TarWriter(() => Promise.reject(full))
  const made = { bytes: 0 }
  const adding = writer.add(keyOf(pattern(1)), 64 * MIB, endless(made, 64 * MIB))
  t.is(await t.throwsAsync(adding), full)
})

const names = (t: ExecutionContext, page: NamesPage): readonly ArchivedName[] => {
  const { file, bytes } = page.take()
  t.true(isNamesFile(file))
  t.true(bytes.byteLength <= ARCHIVE_NAMES_BYTES, `${bytes.byteLength} bytes`)
  const { names: found, fault } = parseNames(bytes)
  t.is(fault, undefined)
  return found
}

test('R007-41: names come back from their file, whatever they are', (t) => {
  const key = keyOf(pattern(1))
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), (texts) => {
      const page = new NamesPage()
      const all = texts.map((name) => ({ name, key }))
      page.add(all)
      t.deepEqual(names(t, page), all)
      t.deepEqual(names(t, page), [])
    }),
  )
})

test('R007-41: more names than one file may have go into several', (t) => {
  const key = keyOf(pattern(1))
  const page = new NamesPage()
  let pages = 0
  for (let i = 0; i < 40_000; i++) {
    const some = [{ name: `${i}`.padEnd(NAME_BYTES, '"'), key }]
    if (page.isFullWith(some)) {
      pages++
      t.true(names(t, page).length > 0)
    }
    page.add(some)
  }
  t.true(pages > 1)
})

test('R007-42: a malformed list of names is unreadable', (t) => {
  for (const text of [
    '',
    '{}',
    '[1]',
    '[null]',
    '[{"name":"a"}]',
    '[{"name":"a","key":"b","kind":1}]',
    '[{"name":"a","key":"b","expires":"soon"}]',
    '[{"name":1,"key":"b"}]',
    '[',
  ]) {
    t.like(parseNames(Buffer.from(text)), { names: [], fault: { code: 'unreadable' } }, text)
  }
  t.like(parseNames(Uint8Array.of(0x22, 0xff, 0x22)), { fault: { code: 'unreadable' } })
})

test('R007-28: an archive whose end is not taken can be abandoned', async (t) => {
  const writer = new TarWriter(() => new Promise(() => undefined))
  await writer.add(keyOf(pattern(9)), 9, inPieces(pattern(9), 9))
  const ending = writer.end()
  const reason = new Error('enough')
  writer.abandon(reason)
  t.is(await t.throwsAsync(ending), reason)
})

test('R007-43: the last byte of a value is withheld until its key is verified', async (t) => {
  const value = pattern(3 * 1024)
  for (const length of [1024, 3 * 1024]) {
    let bytes = 0
    await t.throwsAsync(
      async () => {
        for await (const piece of verified(inPieces(value, length), keyOf(pattern(1)))) {
          bytes += piece.byteLength
        }
      },
      { code: 'integrity' },
    )
    t.is(bytes, value.byteLength - length)
  }
})

/** An archive of files of names, without values, for a daemon whose `bind` fails at first. */
async function importNames(
  files: readonly ArchivedFile[],
  bind: (name: string) => Promise<unknown>,
): Promise<{ readonly early: Imported[]; readonly late: Imported[] }> {
  const client = { bind } as Partial<Client> as Client
  const importer = new Importer(client, new MemoryTrees(), () => undefined)
  const early: Imported[] = []
  for (const file of files) {
    for await (const imported of importer.take(file)) early.push(imported)
  }
  const late: Imported[] = []
  for await (const imported of importer.end()) late.push(imported)
  return { early, late }
}

function namesFile(names: readonly string[], size?: number): ArchivedFile {
  const key = keyOf(pattern(1))
  const bytes = Buffer.from(JSON.stringify(names.map((name) => ({ name, key }))))
  return { kind: 'names', file: 'names.json', size: size ?? bytes.byteLength, bytes: once(bytes) }
}

test('R007-44: names that come before their values are bound at the end', async (t) => {
  let isStored = false
  const bind = (name: string): Promise<unknown> =>
    isStored || name === 'stored'
      ? Promise.resolve({})
      : Promise.reject(new DstoreError('not-found', 'no such key'))
  const files = [namesFile(['waiting', 'stored'])]
  const { early, late } = await importNames(files, (name) => {
    const bound = bind(name)
    isStored = true
    return bound
  })
  const key = keyOf(pattern(1))
  t.deepEqual(early, [{ kind: 'name', bound: { name: 'stored', key } }])
  t.deepEqual(late, [{ kind: 'name', bound: { name: 'waiting', key } }])
})

test('R007-44: names that wait for their values are bounded', async (t) => {
  const long = 'x'.repeat(ARCHIVE_NAMES_BYTES / 4)
  let asked = 0
  const absent = (): Promise<unknown> => {
    asked++
    return Promise.reject(new DstoreError('not-found', 'no such key'))
  }
  const files = ['1', '2', '3', '4', '5'].map((digit) => namesFile([long + digit]))
  const { early, late } = await importNames(files, absent)
  // The keys count, too: three names fit, and are asked for again; two do not.
  t.is(asked, 5 + 3)
  t.deepEqual(early, [])
  t.like(late, [{ kind: 'failed', what: '5 names', fault: { code: 'not-found' } }])
})

test('R007-42: a file of names beyond its limit is refused unread', async (t) => {
  let isRead = false
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    isRead = true
    yield Buffer.from('[]')
  }
  const file = { ...namesFile([], ARCHIVE_NAMES_BYTES + 1), bytes: bytes() }
  const { early } = await importNames([file], () => Promise.resolve({}))
  t.like(early, [{ kind: 'failed', what: 'names.json', fault: { code: 'too-large' } }])
  t.false(isRead)
  const { early: allowed } = await importNames([namesFile([])], () => Promise.resolve({}))
  t.deepEqual(allowed, [])
})

test('R007-41: a value whose names only Global knows is not exported without them', async (t) => {
  const [known, unknown] = [keyOf(pattern(1)), keyOf(pattern(2))]
  const client = {
    facts: (key: string) => Promise.resolve({ key, size: 1, names: [], confirmed: key === known }),
    get: () => Promise.resolve({ bytes: once(pattern(1)) }),
  } as unknown as Client
  const references = [known, unknown].map((text) => [text, { text, type: 'key' }] as const)
  const found: string[] = []
  for await (const one of referencedValues(client, new Map(references))) {
    found.push('fault' in one ? `${one.text} ${one.fault.code}` : one.key)
  }
  t.deepEqual(found, [known, `${unknown} unreachable`])
})

/** An archive of one-byte values with these names each. */
async function exported(names: readonly (readonly string[])[]): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  const exporter = new Exporter(
    {} as Client,
    async (piece) => void pieces.push(piece.slice()),
    () => undefined,
  )
  for (const [index, some] of names.entries()) {
    const bytes = Uint8Array.of(index)
    const key = keyOf(bytes)
    await exporter.add({ key, size: 1, names: some.map((name) => ({ name, key })), bytes })
  }
  await exporter.end()
  return concat(pieces)
}

test('R007-41: names that fill a file of names continue in the next', async (t) => {
  const many = Array.from({ length: 20_000 }, (_, index) => `${index}`.padEnd(NAME_BYTES, 'x'))
  const found: string[] = []
  let count = 0
  for await (const one of readArchive(once(await exported([many, many])), never())) {
    if (one.kind !== 'names') continue
    found.push(one.file)
    const pieces: Uint8Array[] = []
    for await (const piece of one.bytes) pieces.push(piece.slice())
    count += parseNames(concat(pieces)).names.length
    t.true(one.size <= ARCHIVE_NAMES_BYTES)
  }
  t.deepEqual(found, ['names.json', 'names-2.json'])
  t.is(count, 40_000)
})

test('R007-107: results before a failure of the list come before it, in order', async (t) => {
  const failing = async function* (): AsyncGenerator<number> {
    yield* [1, 2, 3]
    throw new Error('gone')
  }
  const found: number[] = []
  await t.throwsAsync(
    async () => {
      for await (const one of mapConcurrently(failing(), 16, async (n) => n * 2)) found.push(one)
    },
    { message: 'gone' },
  )
  t.deepEqual(found, [2, 4, 6])
})
