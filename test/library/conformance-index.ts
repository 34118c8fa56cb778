/** Names, batches, removals and changes. Part of the library's conformance suite. */
import { DstoreError, Key, digestName } from '../../src/dstore.ts'
import type { ChangeEvent, LevelOptions, NamesOptions, Value } from '../../src/dstore.ts'
import { eventually } from '../eventually.ts'
import { ABSENT, all, sample } from './conformance-samples.ts'
import type { Topic } from './conformance-samples.ts'

export function indexTopics(topic: Topic): void {
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

  topic('R007-319 names are listed, by levels too, and counted', async (t, dstore) => {
    for (const [name, text] of Object.entries({ a: '1', 'b/c': '22', 'b/d': '333', e: '1' })) {
      await dstore.put(text, { name: `lists/${name}` })
    }
    const listed = async (options?: NamesOptions): Promise<string[]> =>
      (await all(dstore.names('lists/', options))).map(({ name, size }) => `${name} ${size}`)
    t.deepEqual(await listed(), ['lists/a 1', 'lists/b/c 2', 'lists/b/d 3', 'lists/e 1'])
    t.deepEqual(await listed({ after: 'lists/a', limit: 2 }), ['lists/b/c 2', 'lists/b/d 3'])
    t.deepEqual(await listed({ match: 'lists/?' }), ['lists/a 1', 'lists/e 1'])
    const level = async (options?: LevelOptions): Promise<string[]> =>
      (await all(dstore.level('lists/', options))).map((one) =>
        'name' in one ? one.name : `${one.prefix}*`,
      )
    t.deepEqual(await level(), ['lists/a', 'lists/b/*', 'lists/e'])
    t.deepEqual(await level({ after: 'lists/b/', limit: 1 }), ['lists/e'])
    t.deepEqual(await level({ delimiter: 'b' }), ['lists/a', 'lists/b*', 'lists/e'])
    t.deepEqual(await all(dstore.usage('lists/', { delimiter: '/' })), [
      { prefix: 'lists/b/', names: 2, size: 5 },
      { prefix: 'lists/', names: 4, size: 7 },
    ])
    await t.throwsAsync(all(dstore.names('lists/', { limit: 0 })), { code: 'usage' })
    await t.throwsAsync(all(dstore.level('lists/', { delimiter: '' })), { code: 'usage' })
    const before = await dstore.contents()
    await dstore.put('4444')
    const { values, valueBytes, unnamedValues, unnamedBytes } = await dstore.contents()
    t.deepEqual(
      [values, valueBytes, unnamedValues, unnamedBytes],
      [before.values + 1, before.valueBytes + 4, before.unnamedValues + 1, before.unnamedBytes + 4],
    )
  })

  topic('R007-301 tags move, remember their targets, and may expire', async (t, dstore) => {
    const soon = { kind: 'tag', expiresMs: 60_000 } as const
    const one = await dstore.put('one', { name: 'now', naming: soon })
    const two = await dstore.put('two', { name: 'two' })
    const moved = await dstore.tag('now', 'two', { keepMs: 60_000, expiresMs: 3_600_000 })
    t.deepEqual(
      [moved.name, moved.key.toString(), moved.previous?.toString(), moved.silent],
      ['now', two.key.toString(), one.key.toString(), []],
    )
    const leftMs = Date.parse(moved.previousKeptUntil!) - Date.now()
    t.true(leftMs > 0 && leftMs <= 60_000, moved.previousKeptUntil)
    t.is(await (await dstore.get('now')).text(), 'two')
    const bound = (await dstore.lookup('now'))!
    t.is(bound.kind, 'tag')
    t.true(Date.parse(bound.boundAt!) <= Date.now())
    t.true(Date.parse(bound.expiresAt!) > Date.now() + 3_500_000)
    t.deepEqual(
      (await dstore.tagHistory('now')).map(({ key }) => key.toString()),
      [two, one].map(({ key }) => key.toString()),
    )
    t.is((await dstore.tag('now', one.key)).previous?.toString(), two.key.toString())
    t.is(await (await dstore.get('now')).text(), 'one')
    const again = await dstore.tag('now', one.key)
    t.deepEqual([again.previous, again.previousKeptUntil], [undefined, undefined])
    t.is((await dstore.bind('kept', one.key, { expiresMs: 60_000 })).kind, 'fixed')
    await t.throwsAsync(dstore.tag('kept', two.key), { code: 'conflict' })
    await t.throwsAsync(dstore.bind('now', two.key), { code: 'conflict' })
    await t.throwsAsync(dstore.tagHistory('nobody'), { code: 'not-found' })
    await t.throwsAsync(dstore.tag('now', ABSENT), { code: 'not-found' })
    await t.throwsAsync(dstore.tag('now', one.key, { keepMs: -1 }), { instanceOf: RangeError })
    await t.throwsAsync(dstore.bind('x', one.key, { expiresMs: 0 }), { instanceOf: RangeError })
    const naming = { kind: 'tag', expiresMs: 0.5 } as const
    await t.throwsAsync(dstore.put('x', { name: 'x', naming }), { instanceOf: RangeError })
    const other = { kind: 'Tag' } as unknown as { kind: 'tag' }
    await t.throwsAsync(dstore.put('x', { name: 'x', naming: other }), { instanceOf: TypeError })
    const many = dstore.putMany([{ value: 'x', name: 'x', naming: other }])
    await t.throwsAsync(many, { instanceOf: TypeError })
    await t.throwsAsync(dstore.bind('x', one.key, naming as object), { instanceOf: TypeError })
  })

  topic('R007-302 puts say what they moved a tag from', async (t, dstore) => {
    const tag = { name: 'moving', naming: { kind: 'tag' } } as const
    const first = await dstore.put('one', tag)
    t.false('previous' in first || 'silent' in first)
    const second = await dstore.put(sample(100_000), tag)
    const [third] = await dstore.putMany([{ value: 'three', ...tag }])
    if ('error' in third!) throw third.error
    for (const [put, before] of [[second, first] as const, [third!, second] as const]) {
      t.is(put.previous?.toString(), before.key.toString())
      t.true(put.previous instanceof Key)
      t.true(Date.parse(put.previousKeptUntil!) > Date.now())
      t.deepEqual(put.silent, [])
    }
  })

  topic('R007-303 a kind and fields that no name or rule has are refused', async (t, dstore) => {
    for (const naming of [{ kind: 'Tag' }, { kinds: 'tag' }, { expires: 5 }, 'tag', null]) {
      const put = dstore.put('x', { name: 'x', naming: naming as never })
      await t.throwsAsync(put, { instanceOf: TypeError }, JSON.stringify(naming))
    }
    const fixed = { kind: 'fixed' } as object
    await t.throwsAsync(dstore.tag('x', ABSENT, fixed), { instanceOf: TypeError })
    const bounds = { maxNames: 1, maxAge: 5 } as object
    await t.throwsAsync(dstore.setRule('x', bounds), { instanceOf: TypeError })
    t.is(await dstore.lookup('x'), undefined)
    t.deepEqual(await all(dstore.rules()), [])
  })

  topic('R007-301 rules bound what names below a prefix hold', async (t, dstore) => {
    await dstore.setRule('cache/', { maxNames: 1 })
    await dstore.setRule('cache/', { maxNames: 2, maxSize: 1000 })
    for (const text of ['one', 'two', 'three']) await dstore.put(text, { name: `cache/${text}` })
    const names = async (): Promise<string[]> =>
      (await all(dstore.names('cache/'))).map(({ name }) => name)
    await eventually(async (saw) => saw(await names()).length === 2)
    t.deepEqual(await names(), ['cache/three', 'cache/two'])
    await eventually(async (saw) => saw((await all(dstore.rules()))[0]?.removed) === 1)
    const [rule] = await all(dstore.rules())
    const { prefix, maxNames, maxSize, unusedMs, size } = rule!
    t.deepEqual([prefix, maxNames, maxSize, unusedMs, size], ['cache/', 2, 1000, undefined, 8])
    t.true(Date.parse(rule!.lastRemovedAt!) <= Date.now())
    await t.throwsAsync(dstore.put(sample(1001), { name: 'cache/large' }), { code: 'too-large' })
    await dstore.removeRule('cache/')
    t.deepEqual(await all(dstore.rules()), [])
    t.is((await names()).length, 2)
    await t.throwsAsync(dstore.removeRule('cache/'), { code: 'not-found' })
    await t.throwsAsync(dstore.setRule('cache/', {}), { instanceOf: TypeError })
    await t.throwsAsync(dstore.setRule('x', { maxSize: 0 }), { instanceOf: RangeError })
    await t.throwsAsync(dstore.setRule(7 as never, { maxSize: 1 }), { instanceOf: TypeError })
  })

  topic('R007-347 many at once with names, each with its outcome', async (t, dstore) => {
    await dstore.put('mine', { name: 'taken' })
    const large = sample(200_000)
    const outcomes = await dstore.putMany([
      { value: 'small', name: 'batch/small' },
      'plain',
      { value: large, name: 'batch/large' },
      { value: 'other', name: 'taken' },
      { value: large, name: 'taken' },
      { value: 'moving', name: 'batch/tag', naming: { kind: 'tag' } },
      { value: 'named like no digest', name: 'mh/none' },
      { value: sample(5) },
    ])
    t.deepEqual(
      outcomes.map((one) => ('error' in one ? one.error.code : one.size)),
      [5, 5, 200_000, 'conflict', 'conflict', 6, 'usage', 5],
    )
    for (const [i, name] of ['batch/small', undefined, 'batch/large'].entries()) {
      const outcome = outcomes[i]!
      if (name === undefined || 'error' in outcome) continue
      t.is((await dstore.lookup(name))?.key.toString(), outcome.key.toString())
    }
    t.is((await dstore.lookup('batch/tag'))?.kind, 'tag')
    const bytes = new TextEncoder().encode('found by its digest')
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
    const name = digestName('sha2-256', digest)
    const [found] = await dstore.putMany([{ value: bytes, name }])
    t.true('key' in found! && (await dstore.has(name)))
    await t.throwsAsync(dstore.put('others', { name }), { code: 'usage' })
    const wrong = [{ value: 3 }, { name: 'n' }, { value: 'x', name: 3 }, { value: 'x', naming: {} }]
    for (const one of wrong) {
      await t.throwsAsync(dstore.putMany([one as never]), { instanceOf: TypeError })
    }
    const aborted = { signal: AbortSignal.abort() }
    await t.throwsAsync(dstore.putMany([{ value: 'x', name: 'n' }], aborted), { code: 'cancelled' })
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
    const got: (string | undefined)[] = []
    for await (const value of dstore.getMany(words)) {
      const bytes = await value?.bytes()
      got.push(bytes && Buffer.from(bytes).toString('latin1'))
    }
    const latin1 = values.map((value) => Buffer.from(value).toString('latin1'))
    t.deepEqual(got, [...latin1, undefined, latin1[0], undefined])
    t.deepEqual(await all(dstore.getMany([])), [])
    const many = Array.from({ length: 200 }, (_, i) => words[i % 7]!)
    for await (const value of dstore.getMany(many)) {
      t.is(value?.key.toString(), keys[0]!.toString())
      break
    }
    const bad = dstore.getMany(['tenth', 'k'.repeat(50), 'tenth'])[Symbol.asyncIterator]()
    const first: IteratorResult<Value | undefined, unknown> = await bad.next()
    t.is((first.value as Value | undefined)?.size, 10)
    await t.throwsAsync(bad.next(), { code: 'malformed-key' })
    t.true((await bad.next()).done)
    await t.throwsAsync(all(dstore.getMany(words, { signal: AbortSignal.abort() })), {
      code: 'cancelled',
    })
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

  topic('a removed value is gone', async (t, dstore) => {
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

  topic('a watch yields every change, and ends with its signal', async (t, dstore) => {
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
}
