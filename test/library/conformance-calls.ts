/** Calls: cancellation, mistakes, status and the end. Part of the library's conformance suite. */
import { DstoreError } from '../../src/dstore.ts'
import type { Dstore, CallOptions, Progress } from '../../src/dstore.ts'
import { all, sample } from './conformance-samples.ts'
import type { Topic } from './conformance-samples.ts'

export function callTopics(topic: Topic, role: Dstore['role']): void {
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
      pin: () => dstore.pin(key, options),
      unpin: () => dstore.unpin(key, options),
      pins: () => all(dstore.pins(options)),
      evict: () => dstore.evict(key, options),
      verify: () => all(dstore.verify({ signal: options.signal! })),
      uploadInactive: () => all(dstore.uploadInactive(options)),
      dropInactive: () => dstore.dropInactive(options),
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

  topic('a call cancelled midway ends, and leaves no key', async (t, dstore) => {
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

  topic('R007-97 text that would be replaced is refused', async (t, dstore) => {
    const { key } = await dstore.put('x')
    const listed = async (prefix: string): Promise<void> => {
      for await (const { name } of dstore.names(prefix)) t.fail(name)
    }
    for (const text of ['a\ud800', '\udc00', '\udc00\ud800']) {
      for (const call of [
        () => dstore.get(text),
        () => dstore.put('x', { name: text }),
        () => dstore.put({ path: `/tmp/${text}` }),
        () => dstore.bind(text, key),
        () => dstore.lookup(text),
        () => dstore.unbind(text),
        () => listed(text),
      ]) {
        await t.throwsAsync(call(), { code: 'usage' }, String(call))
      }
    }
    const replaced = 'caf\ufffd'
    await t.throwsAsync(dstore.put('y', { name: replaced }), { code: 'usage' })
    await t.throwsAsync(dstore.bind(replaced, key), { code: 'usage' })
    await t.throwsAsync(dstore.put({ path: `/tmp/${replaced}` }), { code: 'usage' })
    await t.throwsAsync(dstore.get(replaced), { code: 'not-found' })
    await listed(replaced)
  })

  topic(
    'R007-370 a Local keeps what is pinned, and other nodes keep every value',
    async (t, dstore) => {
      const { key } = await dstore.put(sample(50_000), { name: 'kept' })
      await t.throwsAsync(dstore.pin('kept', { maxRate: 1 }), { instanceOf: RangeError })
      if (role !== 'local') {
        await t.throwsAsync(dstore.pin('kept'), { code: 'usage' })
        await t.throwsAsync(dstore.unpin('kept'), { code: 'usage' })
        await t.throwsAsync(all(dstore.pins()), { code: 'usage' })
        return
      }
      const doneBytes: number[] = []
      const onProgress = ({ doneBytes: bytes }: Progress): void => void doneBytes.push(bytes)
      await dstore.evict(key)
      const pin = await dstore.pin('kept', { onProgress, maxRate: 10_000_000 })
      t.like(pin, { word: 'kept', size: 50_000, heldBytes: 50_000, state: 'held' })
      t.true(pin.key!.equals(key))
      t.true(doneBytes.length > 0)
      await t.throwsAsync(dstore.evict(key), { code: 'conflict' })
      // A name that may end in a slash is another word.
      await t.throwsAsync(dstore.unpin('kept/'), { code: 'not-found' })
      t.is((await dstore.pin(key.toHex())).word, key.toString())
      t.deepEqual(
        (await all(dstore.pins())).map(({ word }) => word),
        [key.toString(), 'kept'],
      )
      t.is(await dstore.unpin('kept'), 'kept')
      await t.throwsAsync(dstore.evict(key), { code: 'conflict' })
      t.is(await dstore.unpin(key), key.toString())
      t.is(await dstore.evict(key), 50_000)
      await t.throwsAsync(dstore.unpin('kept'), { code: 'not-found' })
      await t.throwsAsync(dstore.pin('nothing'), { code: 'not-found' })
    },
  )

  topic('a node reports, evicts and verifies', async (t, dstore) => {
    const { key } = await dstore.put(sample(50_000))
    await dstore.prefetch(key)
    t.is((await dstore.stat(key))!.heldBytes, 50_000)
    t.is(await dstore.evict(key), role === 'local' ? 50_000 : 0)
    t.is((await all(dstore.verify())).at(-1)!.type, 'done')
    const status = await dstore.status()
    t.is(status.role, role)
    t.regex(status.version, /^\d+\.\d+\.\d+/)
  })

  topic('a closed node refuses every call', async (t, dstore) => {
    const { key } = await dstore.put('x')
    await dstore[Symbol.asyncDispose]()
    await dstore.close()
    await t.throwsAsync(dstore.get(key), { code: 'unreachable' })
    await t.throwsAsync(dstore.put('y'), { code: 'unreachable' })
    await t.throwsAsync(all(dstore.names()), { code: 'unreachable' })
  })
}
