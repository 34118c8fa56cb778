import { NamedFiles } from '../../../../src/store/disk/commit/archive-source.ts'
import { makeLocation } from '../../../../src/store/disk/layout.ts'
import type { StoredValue } from '../../../../src/store/disk/records/file-row.ts'
import type { Location } from '../../../../src/store/store.ts'
import { test } from '../../../serial.ts'

const RUN = 7

test('a file is named by the value at its location, or by the one whose damaged file it replaced', (t) => {
  const values = new Map<Location, StoredValue>()
  const add = (location: Location, file: Location): void => {
    const shared = { size: 1, outboardBytes: 0, small: undefined, place: 'records' } as const
    values.set(location, { ...shared, file })
  }
  let looks = 0
  const overlay = {
    value: (location: Location) => values.get(location),
    *files() {
      looks++
      for (const [location, value] of values) yield { location, value }
    },
  }
  const [own, damaged, replacement] = [1, 2, 3].map((n) => makeLocation(1, n)) as [
    string,
    string,
    string,
  ]
  add(own, own)
  add(damaged, replacement)
  const named = new NamedFiles(overlay, RUN)
  t.true(named.isNamed(own))
  t.is(looks, 0)
  t.true(named.isNamed(replacement))
  for (let n = 10; n < 200; n++) t.false(named.isNamed(makeLocation(2, n)))
  t.false(named.isNamed(damaged))
  t.is(looks, 1)
  // In this run, files take the place of others.
  const later = makeLocation(RUN, 1)
  t.false(named.isNamed(later))
  add(damaged, later)
  t.true(named.isNamed(later))
  t.false(named.isNamed(replacement))
  values.delete(damaged)
  t.false(named.isNamed(later))
})
