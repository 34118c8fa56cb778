/**
 * What a program may rely on, whatever it holds: a node of its own in any role, or a daemon's client. A suite as a
 * function of the implementation; each topic is tried on a fresh one.
 */
import type { ExecutionContext, TestFn } from 'ava'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { DstoreError } from '../../src/dstore.ts'
import type { CallOptions, ChangeEvent, Dstore, Key, Progress, Source } from '../../src/dstore.ts'
import { sameBytes } from '../same-bytes.ts'

export interface Suite {
  readonly test: TestFn
  /** What is tried, said before the title of each test. */
  readonly name: string
  readonly role: Dstore['role']
  /** Opened anew, with nothing in it, and closed at the end of the test. */
  readonly create: (t: ExecutionContext) => Promise<Dstore>
}

/** Empty, one byte, inline, more than a chunk group, more than a piece. */
const SIZES = [0, 1, 1024, 16_385, 1_500_000]

function sample(size: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 7 + (i >> 8) + seed) % 251
  return bytes
}

async function* inPieces(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

async function temporaryFile(t: ExecutionContext, bytes: Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dstore-library-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'file')
  await writeFile(path, bytes)
  return path
}

const ABSENT = '0'.repeat(64)

export function suite({ test, name, role, create }: Suite): void {
  const topic = (title: string, body: (t: ExecutionContext, dstore: Dstore) => Promise<void>) =>
    test(`${name}: ${title}`, async (t) => body(t, await create(t)))

  topic('whatever is put is got, from every kind of source', async (t, dstore) => {
    t.is(dstore.role, role)
    for (const size of SIZES) {
      const bytes = sample(size)
      const sources: Record<string, Source> = {
        bytes,
        blob: new Blob([bytes]),
        'web stream': new Response(bytes).body!,
        generator: inPieces(bytes),
        readable: Readable.from(inPieces(bytes)),
        file: { path: await temporaryFile(t, bytes) },
      }
      const keys = new Set<string>()
      for (const [kind, source] of Object.entries(sources)) {
        const put = await dstore.put(source)
        t.is(put.size, size, kind)
        t.is(put.existed, keys.size > 0, kind)
        keys.add(put.key.toString())
      }
      t.is(keys.size, 1)
      const [key] = [...keys] as [string]
      sameBytes(t, await (await dstore.get(key)).bytes(), bytes)
    }
    const { key } = await dstore.put('tschüß')
    t.is(await (await dstore.get(key)).text(), 'tschüß')
  })

  topic('a value is read in every way, once', async (t, dstore) => {
    const bytes = sample(300_000)
    const { key } = await dstore.put(bytes)
    const ways: ((word: Key | string) => Promise<Uint8Array>)[] = [
      async (word) => (await dstore.get(word)).bytes(),
      async (word) => Buffer.concat(await all(await dstore.get(word))),
      async (word) =>
        new Uint8Array(await new Response((await dstore.get(word)).stream()).arrayBuffer()),
    ]
    for (const read of ways) {
      for (const word of [key, key.toString(), key.toHex()]) {
        t.true(Buffer.from(bytes).equals(await read(word)))
      }
    }
    const value = await dstore.get(key)
    t.deepEqual([value.key.toString(), value.size], [key.toString(), bytes.byteLength])
    await value.bytes()
    await t.throwsAsync(value.bytes(), { instanceOf: TypeError })
    await t.throwsAsync(value.text(), { instanceOf: TypeError })
  })

  topic('a value that nobody wants is let go of at any time', async (t, dstore) => {
    const bytes = sample(2_000_000)
    const { key } = await dstore.put(bytes)
    for (let round = 0; round < 20; round++) await (await dstore.get(key)).cancel()
    for await (const piece of await dstore.get(key)) {
      t.true(piece.byteLength > 0)
      break
    }
    const stream = (await dstore.get(key)).stream()
    const reader = stream.getReader()
    t.false((await reader.read()).done)
    await reader.cancel()
    t.is((await (await dstore.get(key)).bytes()).byteLength, bytes.byteLength)
  })

  topic('ranges are as in HTTP, with exclusive ends', async (t, dstore) => {
    const bytes = sample(100_000)
    const { key } = await dstore.put(bytes)
    const ranges = [
      [{ start: 0, end: 1 }, 0, 1],
      [{ start: 99_999 }, 99_999, 100_000],
      [{ start: 5, end: 70_000 }, 5, 70_000],
      [{ start: 50_000, end: 1e9 }, 50_000, 100_000],
      [{ last: 17 }, 99_983, 100_000],
      [{ last: 1e9 }, 0, 100_000],
    ] as const
    for (const [range, start, end] of ranges) {
      const value = await dstore.get(key, { range })
      t.deepEqual([value.range, value.size], [{ start, end }, 100_000])
      sameBytes(t, await value.bytes(), bytes.slice(start, end))
    }
    await t.throwsAsync(dstore.get(key, { range: { start: 100_000 } }), { code: 'range' })
    await t.throwsAsync(dstore.get(key, { range: { last: 0 } }), { code: 'range' })
    const reversed = { range: { start: 2, end: 1 } }
    await t.throwsAsync(dstore.get(key, reversed), { code: 'malformed-range' })
  })

  topic('names are bound once, and stand for their key', async (t, dstore) => {
    const { key } = await dstore.put('one', { name: 'greetings/one' })
    const other = await dstore.put('two')
    t.is(await (await dstore.get('greetings/one')).text(), 'one')
    t.true(await dstore.has('greetings/one'))
    t.is((await dstore.lookup('greetings/one'))?.key.toString(), key.toString())
    t.is(await dstore.lookup('greetings/two'), undefined)
    t.is(await dstore.stat('greetings/two'), undefined)
    await t.throwsAsync(dstore.get('greetings/two'), { code: 'not-found' })
    const bound = await dstore.bind('also/one', 'greetings/one')
    t.deepEqual([bound.name, bound.key.toString(), bound.size], ['also/one', key.toString(), 3])
    await t.throwsAsync(dstore.bind('also/one', other.key), { code: 'conflict' })
    await t.throwsAsync(dstore.put('three', { name: 'also/one' }), { code: 'conflict' })
    await t.throwsAsync(dstore.bind('x', ABSENT), { code: 'not-found' })
    const named = async (prefix?: string): Promise<string[]> =>
      (await all(dstore.names(prefix))).map((one) => `${one.name} ${one.key.toString()}`)
    t.deepEqual(await named(), [`also/one ${key.toString()}`, `greetings/one ${key.toString()}`])
    t.deepEqual(await named('gre'), [`greetings/one ${key.toString()}`])
    t.deepEqual([...(await dstore.stat(key))!.names].toSorted(), ['also/one', 'greetings/one'])
    const kept = await dstore.unbind('also/one', { keepValue: true })
    t.deepEqual([kept.name, kept.key], ['also/one', undefined])
    const gone = await dstore.unbind('greetings/one')
    t.is(gone.key?.toString(), key.toString())
    t.false(await dstore.has(key))
    await t.throwsAsync(dstore.unbind('greetings/one'), { code: 'not-found' })
  })

  topic('many at once, small and large, in their order', async (t, dstore) => {
    const values = [sample(10), 'text', sample(200_000), sample(0), sample(20, 1), sample(10)]
    const put = await dstore.putMany(values)
    t.deepEqual(
      put.map(({ size }) => size),
      [10, 4, 200_000, 0, 20, 10],
    )
    t.is(put[0]!.key.toString(), put[5]!.key.toString())
    const keys = put.map(({ key }) => key)
    await dstore.bind('tenth', keys[0]!)
    const words = [...keys, ABSENT, 'tenth', 'nobody']
    const there = [...keys.map(() => true), false, true, false]
    t.deepEqual(await dstore.hasMany(words), there)
    const facts = await dstore.statMany(words)
    t.deepEqual(
      facts.map((one) => one !== undefined),
      there,
    )
    t.is(facts[7]!.key.toString(), keys[0]!.toString())
    t.deepEqual(await dstore.putMany([]), [])
    t.deepEqual(await dstore.hasMany([]), [])
    const listed = await all(dstore.keys())
    t.deepEqual(
      listed.map(({ key }) => key.toHex()),
      [...new Set(keys.map((key) => key.toHex()))].toSorted(),
    )
    t.is(
      listed.reduce((sum, { size }) => sum + size, 0),
      10 + 4 + 200_000 + 20,
    )
  })

  topic('what is removed is gone', async (t, dstore) => {
    const { key } = await dstore.put(sample(200_000))
    const named = await dstore.put('named', { name: 'a name' })
    t.true(await dstore.has(key))
    const removed = await dstore.remove(key)
    t.deepEqual([removed.key.toString(), removed.owed], [key.toString(), []])
    t.is(removed.freedBytes, 200_000)
    t.false(await dstore.has(key))
    t.is(await dstore.stat(key), undefined)
    await t.throwsAsync(dstore.get(key), { code: 'not-found', instanceOf: DstoreError })
    await t.throwsAsync(dstore.remove(ABSENT), { code: 'not-found' })
    await t.throwsAsync(dstore.remove(named.key), { code: 'conflict' })
    await t.throwsAsync(dstore.remove('a name'), { code: 'malformed-key' })
    t.deepEqual((await dstore.remove(named.key, { force: true })).names, ['a name'])
    t.is(await dstore.lookup('a name'), undefined)
  })

  topic('a watcher sees every change, and ends when he is told', async (t, dstore) => {
    const aborter = new AbortController()
    const seen: ChangeEvent[] = []
    let started: (position: string) => void
    const start = new Promise<string>((resolve) => (started = resolve))
    const watching = (async () => {
      for await (const change of dstore.watch({
        signal: aborter.signal,
        onStart: (position) => started(position),
      })) {
        seen.push(change)
        if (change.type === 'remove') aborter.abort()
      }
    })()
    const position = await start
    const { key } = await dstore.put('watched', { name: 'w' })
    await dstore.unbind('w', { keepValue: true })
    await dstore.remove(key)
    await t.throwsAsync(watching, { code: 'cancelled' })
    const types = ['put', 'unbind', 'remove']
    t.deepEqual(
      seen.map(({ type }) => type),
      types as ChangeEvent['type'][],
    )
    t.deepEqual([seen[0]!.key?.toString(), seen[0]!.size], [key.toString(), 7])
    t.deepEqual(seen[0]!.names, ['w'])
    const again: ChangeEvent[] = []
    for await (const change of dstore.watch({ after: position })) {
      if (again.push(change) === types.length) break
    }
    t.deepEqual(again, seen)
    await t.throwsAsync(all(dstore.watch({ after: 'nonsense' })), { code: 'usage' })
  })

  topic('a call that is cancelled before it begins does nothing', async (t, dstore) => {
    const { key } = await dstore.put('there')
    const options: CallOptions = { signal: AbortSignal.abort(new Error('enough')) }
    const calls: Record<string, () => Promise<unknown>> = {
      put: () => dstore.put('new', options),
      putMany: () => dstore.putMany(['new'], options),
      get: () => dstore.get(key, options),
      has: () => dstore.has(key, options),
      hasMany: () => dstore.hasMany([key], options),
      stat: () => dstore.stat(key, options),
      statMany: () => dstore.statMany([key], options),
      remove: () => dstore.remove(key, options),
      lookup: () => dstore.lookup('a', options),
      bind: () => dstore.bind('a', key, options),
      unbind: () => dstore.unbind('a', options),
      names: () => all(dstore.names('', options)),
      keys: () => all(dstore.keys(options)),
      watch: () => all(dstore.watch({ signal: options.signal! })),
      prefetch: () => dstore.prefetch(key, options),
      evict: () => dstore.evict(key, options),
      verify: () => all(dstore.verify({ signal: options.signal! })),
      status: () => dstore.status(options),
    }
    for (const [call, run] of Object.entries(calls)) {
      await t.throwsAsync(run(), { code: 'cancelled', instanceOf: DstoreError }, call)
    }
    t.deepEqual(
      (await all(dstore.keys())).map((one) => one.key.toString()),
      [key.toString()],
    )
  })

  topic('a call that is cancelled on its way ends, and leaves no key', async (t, dstore) => {
    const aborter = new AbortController()
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield sample(100_000)
      setTimeout(() => aborter.abort(), 50)
      await new Promise(() => undefined)
    }
    const { signal } = aborter
    await t.throwsAsync(dstore.put(endless(), { signal, name: 'never' }), { code: 'cancelled' })
    t.deepEqual(await all(dstore.keys()), [])
    t.is(await dstore.lookup('never'), undefined)

    const { key } = await dstore.put(sample(3_000_000))
    const reading = new AbortController()
    const value = await dstore.get(key, { signal: reading.signal })
    reading.abort()
    await t.throwsAsync(value.bytes(), { code: 'cancelled' })
  })

  topic('what a source throws reaches the program as it is', async (t, dstore) => {
    const mine = new Error('the tape broke')
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield sample(100_000)
      throw mine
    }
    t.is(await t.throwsAsync(dstore.put(broken())), mine)
    const texts = Readable.from(['text'], { encoding: 'utf8' }) as unknown as Source
    await t.throwsAsync(dstore.put(texts), { instanceOf: TypeError })
    const missing = { path: '/does/not/exist' }
    await t.throwsAsync(dstore.put(missing), { code: 'unreadable' })
    t.deepEqual(await all(dstore.keys()), [])
  })

  topic('progress is told in bytes, upwards to the end', async (t, dstore) => {
    const bytes = sample(4_000_000)
    const told: Progress[] = []
    const onProgress = (progress: Progress): void => void told.push(progress)
    const { key } = await dstore.put(inPieces(bytes), { onProgress })
    t.true(told.length > 1)
    t.is(told.at(-1)!.doneBytes, bytes.byteLength)
    told.length = 0
    await (await dstore.get(key, { onProgress })).bytes()
    t.is(told.at(-1)!.doneBytes, bytes.byteLength)
    for (const [index, { phase, doneBytes, totalBytes }] of told.entries()) {
      t.is(phase, 'fetch')
      t.is(totalBytes, bytes.byteLength)
      t.true(doneBytes > (told[index - 1]?.doneBytes ?? 0))
    }
  })

  topic('mistakes are named, and faults have codes', async (t, dstore) => {
    const { key } = await dstore.put('there')
    const wrong = (value: unknown): never => value as never
    const mistakes: (() => Promise<unknown>)[] = [
      () => dstore.put(wrong(17)),
      () => dstore.put(wrong(null)),
      () => dstore.put(wrong({ path: 3 })),
      () => dstore.putMany([wrong(17)]),
      () => dstore.get(wrong(undefined)),
      () => dstore.remove(wrong({})),
      () => dstore.lookup(wrong(1)),
    ]
    for (const mistake of mistakes) {
      await t.throwsAsync(mistake(), { instanceOf: TypeError }, String(mistake))
    }
    for (const options of [{ timeoutMs: 0 }, { timeoutMs: 0.5 }, { timeoutMs: Infinity }]) {
      await t.throwsAsync(dstore.get(key, options), { instanceOf: RangeError })
    }
    for (const range of [{ start: -1 }, { start: 0, end: 1.5 }, { last: NaN }]) {
      await t.throwsAsync(dstore.get(key, { range }), { instanceOf: RangeError })
    }
    const misspelled = `${key.toString().slice(0, -1)}1`
    for (const text of ['', 'a\nb', 'x'.repeat(513)]) {
      await t.throwsAsync(dstore.get(text), { code: 'usage' })
      await t.throwsAsync(dstore.put('x', { name: text }), { code: 'usage' })
    }
    await t.throwsAsync(dstore.get(misspelled), { code: 'malformed-key' })
    await t.throwsAsync(dstore.remove(misspelled), { code: 'malformed-key' })
  })

  topic('the node tells of itself', async (t, dstore) => {
    const { key } = await dstore.put(sample(50_000))
    await dstore.prefetch(key)
    t.is((await dstore.stat(key))!.heldBytes, 50_000)
    t.is(await dstore.evict(key), role === 'local' ? 50_000 : 0)
    t.is((await all(dstore.verify())).at(-1)!.type, 'done')
    const status = await dstore.status()
    t.is(status.role, role)
    t.regex(status.version, /^\d+\.\d+\.\d+/)
  })

  topic('what is closed is closed', async (t, dstore) => {
    const { key } = await dstore.put('x')
    await dstore[Symbol.asyncDispose]()
    await dstore.close()
    await t.throwsAsync(dstore.get(key), { code: 'unreachable' })
    await t.throwsAsync(dstore.put('y'), { code: 'unreachable' })
    await t.throwsAsync(all(dstore.names()), { code: 'unreachable' })
  })
}
