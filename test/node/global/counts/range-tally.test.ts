import {
  DIGESTS_END,
  RangeTally,
  digestOf,
  nameOf,
} from '../../../../src/node/global/counts/range-tally.ts'
import { test } from '../../../serial.ts'

const digest = (place: number): Uint8Array => {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, place)
  return bytes
}

const KEEPER = { key: { table: 'keys', id: digest(1) }, version: 1 } as const

test('R004-114: a range with too many keys becomes smaller, and forgets what is beyond', (t) => {
  const tally = new RangeTally(0, DIGESTS_END, 10)
  const places = Array.from({ length: 100 }, (_, i) => Math.floor((i * DIGESTS_END) / 100))
  for (const place of places.toReversed()) {
    tally.state('directories', digest(place), 1, 1)
    tally.count('holds', digest(place), KEEPER)
  }
  t.true(tally.directories.size + tally.holds.size <= 10)
  const expected = places.filter((place) => place < tally.end)
  t.true(expected.length > 0 && expected.length <= 5)
  for (const counts of [tally.directories, tally.holds]) {
    t.deepEqual(
      [...counts.keys()].toSorted(),
      expected.map((place) => nameOf(digest(place))),
    )
  }
  t.deepEqual(digestOf(nameOf(digest(places[7]!))), digest(places[7]!))
  // One place cannot be divided.
  const full = new RangeTally(5, 6, 1)
  for (const last of [1, 2, 3]) {
    const one = digest(5)
    one[31] = last
    full.count('holds', one, KEEPER)
  }
  t.is(full.holds.size, 3)
})

test('R004-114: the rows of keys that are watched are bounded', (t) => {
  const [many, few, other] = [1, 2, 3].map((place) => nameOf(digest(place))) as [
    string,
    string,
    string,
  ]
  const again = new Map([
    [many, []],
    [few, []],
    [other, undefined],
  ])
  const tally = new RangeTally(0, DIGESTS_END, 100, again)
  for (let i = 0; i < 65_536; i++) tally.count('directories', digest(1), KEEPER)
  tally.count('directories', digest(3), KEEPER)
  t.is(again.get(many)?.length, 65_536)
  tally.count('directories', digest(1), KEEPER)
  t.is(again.get(many), undefined)
  tally.count('directories', digest(2), KEEPER)
  t.deepEqual(again.get(few), [KEEPER] as never)
  t.is(again.get(other), undefined)
  t.is(tally.directories.get(many)!.counted, 65_537)
})
