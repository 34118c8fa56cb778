import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { Bitfield } from '../../../src/hash/tree/bitfield.ts'
import { groupCount, groupsOf } from '../../../src/hash/tree/tree.ts'
import { GROUP_BYTES } from '../../../src/limits.ts'
import { TREE_SIZES } from '../sizes.ts'

const held = (field: Bitfield): boolean[] =>
  Array.from({ length: field.groups }, (_, i) => field.has(i))

const anything = fc.record({
  size: fc.oneof(fc.constantFrom(0, 1, ...TREE_SIZES), fc.nat(100 * GROUP_BYTES)),
  groups: fc.array(fc.nat(100)),
  range: fc.tuple(fc.nat(101 * GROUP_BYTES), fc.nat(101 * GROUP_BYTES)),
})

test('R002-16: set, count, missing, held and covers agree with a list of booleans', (t) => {
  fc.assert(
    fc.property(anything, ({ size, groups, range: [a, b] }) => {
      const field = new Bitfield(size)
      const list = held(field)
      for (const group of groups.filter((index) => index < field.groups)) {
        field.set(group)
        list[group] = true
      }
      t.deepEqual(held(field), list)
      t.is(field.count, list.filter(Boolean).length)
      t.is(field.complete, list.every(Boolean))
      const range = { start: Math.min(a, b), end: Math.max(a, b) }
      const wanted = groupsOf(range, size)
      const marks = list.slice(wanted.first, wanted.end)
      t.is(field.covers(range), marks.every(Boolean))
      t.deepEqual(bytes(field.missing(range)), bytesWhere(marks, false, wanted.first, size))
      t.deepEqual(bytes(field.held(range)), bytesWhere(marks, true, wanted.first, size))
    }),
    { numRuns: 500 },
  )
})

/** Runs as one list of the groups that they are; each must be as long as can be. */
function bytes(runs: Iterable<{ start: number; end: number }>): number[][] {
  const list = [...runs].map(({ start, end }) => [start, end])
  return list.filter(([start], i) => i === 0 || list[i - 1]![1]! < start!)
}

function bytesWhere(marks: boolean[], wanted: boolean, first: number, size: number): number[][] {
  const runs: number[][] = []
  for (const [i, mark] of marks.entries()) {
    if (mark !== wanted) continue
    const [start, end] = [(first + i) * GROUP_BYTES, Math.min(size, (first + i + 1) * GROUP_BYTES)]
    if (runs.at(-1)?.[1] === start) runs.at(-1)![1] = end
    else runs.push([start, end])
  }
  return runs
}

test('R002-16: its bytes are read back, and no others are', (t) => {
  fc.assert(
    fc.property(anything, fc.uint8Array({ maxLength: 14 }), ({ size, groups }, junk) => {
      const field = new Bitfield(size)
      for (const group of groups) if (group < field.groups) field.set(group)
      const read = Bitfield.fromBytes(field.toBytes(), size)!
      t.deepEqual([read.toBytes(), read.count], [field.toBytes(), field.count])
      const odd = Bitfield.fromBytes(junk, size)
      const rest = groupCount(size) % 8
      const valid =
        junk.length === Math.ceil(groupCount(size) / 8) && (rest === 0 || junk.at(-1)! < 2 ** rest)
      t.is(odd !== undefined, valid)
      if (odd !== undefined) t.deepEqual(odd.toBytes(), junk)
    }),
  )
})

test('R002-16: setRange marks what lies wholly within, and the last group up to the end of the value', (t) => {
  const size = 3 * GROUP_BYTES + 5
  const marked = (start: number, end: number): boolean[] => {
    const field = new Bitfield(size)
    field.setRange({ start, end })
    return held(field)
  }
  t.deepEqual(marked(0, GROUP_BYTES - 1), [false, false, false, false])
  t.deepEqual(marked(0, GROUP_BYTES), [true, false, false, false])
  t.deepEqual(marked(1, 3 * GROUP_BYTES), [false, true, true, false])
  t.deepEqual(marked(GROUP_BYTES, size), [false, true, true, true])
  t.deepEqual(marked(0, Infinity), [true, true, true, true])
  t.deepEqual(marked(size, size), [false, false, false, false])
  const empty = new Bitfield(0)
  empty.setRange({ start: 0, end: 0 })
  t.true(empty.complete)
})

test('groups that are not there are a mistake of the caller', (t) => {
  const field = new Bitfield(100)
  for (const group of [-1, 1, 0.5, NaN]) {
    t.throws(() => field.has(group), { instanceOf: RangeError })
    t.throws(() => field.set(group), { instanceOf: RangeError })
  }
  t.throws(() => field.covers({ start: 2, end: 1 }), { instanceOf: RangeError })
})
