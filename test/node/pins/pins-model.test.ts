/** Pins under moves, removals, losses and an absent Global, against what must hold in the end. */
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { asDstoreError, DstoreError } from '../../../src/errors.ts'
import { SILENT } from '../../../src/log.ts'
import type { Key } from '../../../src/hash/key.ts'
import type { Pin } from '../../../src/node/node.ts'
import { Pins } from '../../../src/node/pins/pins.ts'
import type { SavedPin } from '../../../src/node/pins/saved-pins.ts'
import { eventually } from '../../eventually.ts'
import { FakeHost, keyOfNumber } from './fake-host.ts'

const NAMES = ['a', 'b', 'b/c']
const VALUES = 4
const SIZE = 10

type Step =
  | { readonly do: 'bind'; readonly name: string; readonly value: number }
  | { readonly do: 'unbind'; readonly name: string }
  | { readonly do: 'put' | 'remove' | 'lose' | 'pin-key' | 'unpin-key'; readonly value: number }
  | { readonly do: 'pin' | 'unpin'; readonly name: string }
  | { readonly do: 'leave' | 'return' }
  | { readonly do: 'wait'; readonly turns: number }

const name = fc.constantFrom(...NAMES)
const value = fc.integer({ min: 0, max: VALUES - 1 })
/** A pin needs some to be held. */
const turns = fc.integer({ min: 1, max: 12 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ do: fc.constant('bind' as const), name, value }), weight: 3 },
  { arbitrary: fc.record({ do: fc.constant('unbind' as const), name }), weight: 1 },
  {
    arbitrary: fc.record({
      do: fc.constantFrom('put', 'remove', 'lose', 'lose', 'pin-key', 'pin-key', 'unpin-key'),
      value,
    }),
    weight: 5,
  },
  { arbitrary: fc.record({ do: fc.constantFrom('pin', 'pin', 'unpin'), name }), weight: 3 },
  { arbitrary: fc.record({ do: fc.constantFrom('leave', 'return', 'return') }), weight: 1 },
  { arbitrary: fc.record({ do: fc.constant('wait' as const), turns }), weight: 5 },
)

class World {
  readonly host: FakeHost
  readonly pins: Pins
  saved: readonly SavedPin[] = []
  /** Words that a call has pinned, and none has unpinned or ended. */
  readonly wanted = new Set<string>()
  readonly #calls: Promise<unknown>[] = []

  constructor(budgetBytes: number) {
    this.host = new FakeHost(budgetBytes)
    const save = async (pins: readonly SavedPin[]): Promise<void> => void (this.saved = pins)
    this.pins = new Pins({ host: this.host, log: SILENT, save })
    this.host.onLost = (lost) => this.pins.lost(lost)
    for (let number = 0; number < VALUES; number++) this.host.put(number, SIZE)
  }

  async take(one: Step): Promise<void> {
    const { host, pins } = this
    if ('value' in one && one.do !== 'bind') {
      const key = keyOfNumber(one.value, SIZE)
      const word = key.toString()
      if (one.do === 'put') host.put(one.value, SIZE)
      else if (one.do === 'lose') host.drop(key)
      else if (one.do === 'pin-key') this.#pin(word)
      else if (one.do === 'unpin-key') await this.#unpin(word)
      else {
        pins.moved(host.remove(key))
        this.wanted.delete(word)
      }
    } else if (one.do === 'bind') {
      const key = keyOfNumber(one.value, SIZE)
      if (!host.stored.has(key.toHex())) return
      host.names.set(one.name, key)
      pins.moved([one.name])
    } else if (one.do === 'unbind') {
      host.names.delete(one.name)
      pins.moved([one.name])
    } else if (one.do === 'pin') this.#pin(one.name)
    else if (one.do === 'unpin') await this.#unpin(one.name)
    else if (one.do === 'leave') host.isAway = true
    else if (one.do === 'return') host.isAway = false
    else if ('turns' in one)
      for (let turn = 0; turn < one.turns; turn++) await new Promise(setImmediate)
  }

  /** Global is back, and every call has ended. */
  async settle(): Promise<void> {
    this.host.isAway = false
    await Promise.all(this.#calls)
  }

  async list(): Promise<Pin[]> {
    const all: Pin[] = []
    for await (const pin of this.pins.pins()) all.push(pin)
    return all
  }

  #pin(word: string): void {
    const call = this.pins.pin(word).then(
      () => this.wanted.add(word),
      (error: unknown) => asDstoreError(error),
    )
    this.#calls.push(call)
  }

  async #unpin(word: string): Promise<void> {
    this.wanted.delete(word)
    await this.pins.unpin(word).catch(() => undefined)
  }
}

async function check(t: ExecutionContext, budgetBytes: number, steps: Step[]): Promise<void> {
  const world = new World(budgetBytes)
  const { host, pins } = world
  try {
    for (const one of steps) {
      await world.take(one)
      t.true(pins.status().usedBytes <= budgetBytes)
      t.true(host.usedBytes <= budgetBytes)
    }
    await world.settle()
    // A name that was bound, and a pin that failed, are looked at again now.
    pins.moved(undefined)
    await eventually(async (saw) => {
      const all = saw(await world.list())
      return all.every((pin) => isRight(host, pin, budgetBytes))
    }, 5000)
    const all = await world.list()
    const held = new Set(all.filter(({ state }) => state === 'held').map(({ key }) => key!.toHex()))
    const used = [...host.cache].filter(([, { users }]) => users > 0).map(([id]) => id)
    t.deepEqual(used.toSorted(), [...held].toSorted(), 'what is held is what pins need')
    t.is(pins.status().usedBytes, held.size * SIZE)
    const live = all.filter(({ word, state }) => NAMES.includes(word) || state !== 'removed')
    t.deepEqual(
      world.saved.map(({ word }) => word).toSorted(),
      live.map(({ word }) => word).toSorted(),
      'what is listed is what is saved',
    )
  } finally {
    await pins.close()
  }
  t.is(host.usedBytes, 0, 'nothing is held once the node is closed')
}

/** Whether a pin is as the world is now. */
function isRight(host: FakeHost, { word, key, state }: Pin, budgetBytes: number): boolean {
  const isKey = !NAMES.includes(word)
  const bound = isKey ? undefined : nameOf(host, word)
  if (state === 'over-budget') return budgetBytes < VALUES * SIZE
  if (isKey) return state === 'removed' || (state === 'held' && host.stored.has(key!.toHex()))
  if (bound === undefined) return state === 'removed' || state === 'waiting'
  return state === 'held' && key!.equals(bound)
}

const nameOf = (host: FakeHost, word: string): Key | undefined => {
  const key = host.names.get(word)
  return key !== undefined && host.stored.has(key.toHex()) ? key : undefined
}

test('R007-374 R007-375 R007-378: in the end pins hold what their words stand for, and no more', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), (steps) => check(t, 1000, steps)),
    { numRuns: 60 },
  )
})

test('R007-372 R007-374: they never take more than the budget, whatever moves', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), (steps) => check(t, 2 * SIZE, steps)),
    { numRuns: 60 },
  )
})

test('R007-374: the former value stays until the new one is held, where there is room', async (t) => {
  for (const [budgetBytes, isKept] of [
    [2 * SIZE, true],
    [2 * SIZE - 1, false],
  ] as const) {
    const { host, pins } = new World(budgetBytes)
    const [former, next] = [keyOfNumber(0, SIZE), keyOfNumber(1, SIZE)]
    host.names.set('a', former)
    await pins.pin('a')
    let go: () => void = () => undefined
    host.gate = new Promise((resolve) => (go = resolve))
    const { fetches } = host
    host.names.set('a', next)
    pins.moved(['a'])
    await eventually(() => host.fetches > fetches)
    t.is(host.cache.get(former.toHex())?.users ?? 0, isKept ? 1 : 0)
    t.like(await pins.find('a'), { state: 'fetching', heldBytes: 0 })
    go()
    await eventually(async () => (await pins.find('a')).state === 'held')
    t.is(host.cache.get(former.toHex())?.users ?? 0, 0)
    t.is(pins.status().usedBytes, SIZE)
    await pins.close()
  }
})

test('R007-375: a key that was put again while the node was down is not what was pinned', async (t) => {
  const world = new World(1000)
  const key = keyOfNumber(0, SIZE)
  await world.pins.pin(key.toString())
  await world.pins.close()
  const { host } = world
  host.remove(key)
  host.put(0, SIZE)
  const save = async (): Promise<void> => undefined
  const again = new Pins({ host, log: SILENT, saved: world.saved, save })
  t.teardown(() => again.close())
  await again.start()
  await eventually(async () => (await again.find(key.toString())).state === 'removed')
  t.like(await again.find(key.toString()), { heldBytes: 0, errorCode: 'removed' })
  t.is((await again.pin(key.toString())).state, 'held')
})

test('R007-376: a call whose time is over leaves no pin, unless another waits for it', async (t) => {
  const { host, pins } = new World(1000)
  t.teardown(() => pins.close())
  host.names.set('a', keyOfNumber(0, SIZE))
  let go: () => void = () => undefined
  host.gate = new Promise((resolve) => (go = resolve))
  const timeoutMs = 20
  await t.throwsAsync(pins.pin('a', { timeoutMs }), { code: 'timeout' })
  await t.throwsAsync(pins.find('a'), { code: 'not-found' })
  const patient = pins.pin('a')
  await t.throwsAsync(pins.pin('a', { timeoutMs }), { code: 'timeout' })
  t.is((await pins.find('a')).state, 'fetching')
  go()
  t.is((await patient).state, 'held')
  await t.throwsAsync(pins.pin('b'), { code: 'not-found' })
  host.isAway = true
  await t.throwsAsync(pins.pin('b'), { code: 'unreachable' })
  t.is(pins.status().pins, 1)
})

test('R007-373: a pin that cannot be saved is no pin', async (t) => {
  const host = new FakeHost(1000)
  const key = host.put(0, SIZE)
  const fault = new DstoreError('unwritable', 'the disk is full')
  const pins = new Pins({ host, log: SILENT, save: () => Promise.reject(fault) })
  t.teardown(() => pins.close())
  await t.throwsAsync(pins.pin(key.toString()), { code: 'unwritable' })
  t.is(pins.status().pins, 0)
  t.is(host.usedBytes, 0)
})

test('R007-370: values that others use for the moment are waited for', async (t) => {
  const { host, pins } = new World(2 * SIZE)
  t.teardown(() => pins.close())
  const [a, b, c] = [0, 1, 2].map((number) => keyOfNumber(number, SIZE)) as [Key, Key, Key]
  for (const key of [a, b]) await host.fetch(key)
  const release = host.held(a)!.use()
  host.held(b)!.use()
  const pinned = pins.pin(c.toString())
  await eventually(() => host.fetches > 3)
  release()
  t.is((await pinned).state, 'held')
})

test('R007-374: a name that moves while its value is fetched is held as it is in the end', async (t) => {
  const { host, pins } = new World(1000)
  t.teardown(() => pins.close())
  const [former, next] = [keyOfNumber(0, SIZE), keyOfNumber(1, SIZE)]
  host.names.set('a', former)
  let go: () => void = () => undefined
  host.gate = new Promise((resolve) => (go = resolve))
  const pinned = pins.pin('a')
  await eventually(() => host.fetches === 1)
  host.names.set('a', next)
  pins.moved(['a'])
  go()
  t.true((await pinned).key!.equals(next))
})
