/** The state machine of an upload against a model of Global, in every order of answers. */
import * as fc from 'fast-check'
import { test } from '../../serial.ts'
import {
  UploadPlan,
  type Outcome,
  type Step,
  type StoredEntry,
} from '../../../src/node/inactive/upload-plan.ts'

interface Model {
  /** Names by key. */
  readonly values: Map<string, { unnamed: boolean; names: Set<string> }>
  readonly names: Map<string, string>
}

const idOf = ({ digest }: StoredEntry): string => Buffer.from(digest).toString('hex')

const entryOf = (
  number: number,
  { size, names, unnamed }: { size: number; names: number; unnamed: boolean },
): StoredEntry => ({
  digest: Uint8Array.of(number),
  size,
  location: String(number),
  names: Array.from({ length: names }, (_, i) => `${number}/${i}`),
  unnamed: unnamed || names === 0,
})

/** What Global answers to a step. */
function carryOut(step: Step, global: Model, isDamaged: (entry: StoredEntry) => boolean): Outcome {
  const id = idOf(step.entry)
  const found = global.values.get(id)
  const name = step.type === 'offer' ? undefined : step.name
  const taken = name !== undefined && (global.names.get(name) ?? id) !== id
  if (step.type === 'put' && isDamaged(step.entry)) return { type: 'damaged' }
  if (taken) return { type: 'refused-name' }
  if (found === undefined && step.type !== 'put') return { type: 'gone' }
  const value = found ?? { unnamed: name === undefined, names: new Set() }
  if (name === undefined) value.unnamed = true
  else {
    value.names.add(name)
    global.names.set(name, id)
  }
  global.values.set(id, value)
  return step.type === 'bind' ? { type: 'bound' } : { type: 'stored', existed: found !== undefined }
}

const values = fc.array(
  fc.record({
    size: fc.constantFrom(0, 5, 20_000, 1 << 20, 1 << 30),
    names: fc.nat(4),
    unnamed: fc.boolean(),
    isDamaged: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    isKnown: fc.boolean(),
    /** Removed at Global after it was asked. */
    isRemoved: fc.boolean(),
    taken: fc.nat(15),
  }),
  { maxLength: 60 },
)

interface Run {
  readonly plan: UploadPlan
  /** Keys whose bytes were sent. */
  readonly sent: string[]
}

/** Uploads, with answers in a random order, and ends after `steps` answers as if it were killed. */
function upload(
  entries: readonly StoredEntry[],
  global: Model,
  isDamaged: (entry: StoredEntry) => boolean,
  pick: (count: number) => number,
  { steps = Infinity, removed = new Set<string>() } = {},
): Run {
  const plan = new UploadPlan()
  const sent: string[] = []
  const known = entries.map((entry) => global.values.has(idOf(entry)))
  for (const id of removed) {
    for (const name of global.values.get(id)?.names ?? []) global.names.delete(name)
    global.values.delete(id)
  }
  const running: Step[] = []
  let answers = 0
  let at = 0
  for (;;) {
    while (at < entries.length && plan.hasRoom) {
      plan.add(entries.slice(at, at + 7), known.slice(at, at + 7))
      at += 7
    }
    const step = plan.next()
    if (step !== undefined) {
      running.push(step)
      const large = running.filter((one) => one.type === 'put' && one.entry.size > 16_384)
      if (large.length > 4 || running.length > 64) throw new Error('too much at once')
      continue
    }
    if (running.length === 0) break
    if (answers++ >= steps) break
    const [ended] = running.splice(pick(running.length), 1)
    const outcome = carryOut(ended!, global, isDamaged)
    if (ended!.type === 'put' && outcome.type === 'stored') sent.push(idOf(ended!.entry))
    plan.settle(ended!, outcome)
  }
  return { plan, sent }
}

test('R007-149 an upload ends with every value and name at Global, also after it was killed', (t) => {
  fc.assert(
    fc.property(values, fc.infiniteStream(fc.nat()), fc.nat(80), (given, numbers, killedAfter) => {
      const entries = given.map((one, number) => entryOf(number, one))
      const pick = (count: number): number => (numbers.next().value as number) % count
      const byId = new Map(entries.map((entry, i) => [idOf(entry), given[i]!]))
      const isDamaged = (entry: StoredEntry): boolean => byId.get(idOf(entry))!.isDamaged
      const global: Model = { values: new Map(), names: new Map() }
      const foreign = new Set<string>()
      const removed = new Set<string>()
      for (const [i, entry] of entries.entries()) {
        const { isKnown, isRemoved, taken } = given[i]!
        // A tree of bits: which of its names belong to another key at Global.
        for (const [bit, name] of entry.names.entries()) {
          if (((taken >> bit) & 1) === 0) continue
          global.names.set(name, 'other')
          foreign.add(name)
        }
        if (isKnown) global.values.set(idOf(entry), { unnamed: false, names: new Set(['else']) })
        if (isKnown && isRemoved) removed.add(idOf(entry))
      }
      const known = new Set([...global.values.keys()].filter((id) => !removed.has(id)))
      const first = upload(entries, global, isDamaged, pick, { steps: killedAfter, removed })
      const before = new Set(global.values.keys())
      const second = upload(entries, global, isDamaged, pick)
      t.true(second.plan.isDone)
      for (const entry of entries) {
        const id = idOf(entry)
        const found = global.values.get(id)
        const isLost = isDamaged(entry) && !known.has(id)
        t.is(found !== undefined, !isLost)
        for (const name of entry.names) {
          const expected = foreign.has(name) ? 'other' : isLost ? undefined : id
          t.is(global.names.get(name), expected)
        }
        if (found !== undefined && entry.unnamed) t.true(found.unnamed)
        // With names alone it stays so, unless Global refuses every name.
        const canBeNamed = entry.names.some((name) => !foreign.has(name))
        if (found !== undefined && !entry.unnamed && canBeNamed) t.false(found.unnamed)
      }
      // No value is sent that Global had, nor twice.
      t.is(new Set(first.sent).size, first.sent.length)
      for (const id of first.sent) t.false(known.has(id))
      for (const id of second.sent) t.false(before.has(id))
      const { counts } = second.plan
      const lost = entries.filter((entry) => !global.values.has(idOf(entry)))
      t.is(counts.values, entries.length - lost.length)
      t.is(counts.damaged, lost.length)
    }),
    { numRuns: 150 },
  )
})

test('R007-149 a value that Global keeps removing is sent at most once more', (t) => {
  const plan = new UploadPlan()
  plan.add([entryOf(1, { size: 5, names: 1, unnamed: false })], [true])
  const bind = plan.next()!
  t.is(bind.type, 'bind')
  plan.settle(bind, { type: 'gone' })
  const put = plan.next()!
  t.is(put.type, 'put')
  plan.settle(put, { type: 'stored', existed: false })
  t.true(plan.isDone)
  t.throws(() => plan.settle(put, { type: 'bound' }), { instanceOf: RangeError })
})
