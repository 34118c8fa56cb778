import assert from 'node:assert/strict'
import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { SortedMap } from '../../../src/store/memory/sorted-map.ts'

/** Many keys in few letters: equal ones, prefixes of each other, and the ends of the alphabet. */
const key = fc.string({ unit: fc.constantFrom('\0', 'a', 'b', '\xff'), minLength: 1, maxLength: 6 })

test('a sorted map is a map, walked in order from anywhere', (t) => {
  const step = fc.record({ key, value: fc.option(fc.nat()) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 4000, size: 'max' }), key, (steps, start) => {
      const map = new SortedMap<number>()
      const model = new Map<string, number>()
      for (const { key, value } of steps) {
        if (value === null) {
          map.delete(key)
          model.delete(key)
        } else {
          map.set(key, value)
          model.set(key, value)
        }
      }
      const sorted = [...model.keys()].toSorted((a, b) => (a < b ? -1 : 1))
      assert.deepEqual([...map.keysFrom('')], sorted)
      assert.deepEqual(
        [...map.keysFrom(start)],
        sorted.filter((key) => key >= start),
      )
      for (const { key } of steps) assert.equal(map.get(key), model.get(key))
    }),
    { numRuns: 30 },
  )
  t.pass()
})

test('thousands of keys, in order and against it, then none', (t) => {
  const map = new SortedMap<number>()
  const keys = Array.from({ length: 5000 }, (_, i) => `${(i * 7919) % 5000}`.padStart(4, '0'))
  for (const key of keys) map.set(key, 1)
  t.deepEqual([...map.keysFrom('')], keys.toSorted())
  for (const key of keys) map.delete(key)
  t.deepEqual([...map.keysFrom('')], [])
  map.set('again', 1)
  t.deepEqual([...map.keysFrom('')], ['again'])
})
