/** The part of the vectors of document 009 that is about objects. */
import { hex, unhex } from './directories.ts'
import { bigEndian, encode, journalOf } from './journal-entries.ts'
import {
  type FoundEntries,
  type StoredObject,
  NO_OBJECT,
  checkOf,
  keyOf,
  objectOf,
  read,
  sealed,
} from './journal-objects.ts'
import { begin, changes, everything, put } from './journal-samples.ts'

export interface ObjectVector {
  readonly what: string
  readonly objects: readonly StoredObject[]
  readonly found: FoundEntries
}

/** Objects in a bucket, and what a reader finds in them. */
export function objectVectors(): readonly ObjectVector[] {
  const bytes = journalOf([
    begin,
    changes(put),
    { kind: 'heartbeat' },
    changes(everything),
    { kind: 'farewell' },
  ])
    .map(encode)
    .map((entry) => hex(entry))
  const entries = (from: number, to: number): string[] => bytes.slice(from - 1, to)
  const after = (before: StoredObject, first: number, own: readonly string[]): StoredObject =>
    objectOf({ first, previous: checkOf(before), entries: own })
  const one = objectOf({ first: 1, previous: NO_OBJECT, entries: entries(1, 1) })
  const two = after(one, 2, entries(2, 3))
  const three = after(two, 4, entries(4, 5))
  const all = [one, two, three]
  const stale = after(one, 2, ['aa'])
  const short = after(one, 2, ['aa', 'bb'])
  const elsewhere = objectOf({ first: 8, previous: NO_OBJECT, entries: ['cc'] })
  /** Two, with other bytes from one on, and as long as they say. */
  const changed = (at: number, put: string, take: number = put.length / 2): StoredObject => ({
    key: two.key,
    bytes: two.bytes.slice(0, 2 * at) + put + two.bytes.slice(2 * (at + take)),
  })
  /** The same, with the check of what they have now. */
  const resealed = (at: number, put: string, take?: number): StoredObject => {
    const { key, bytes: now } = changed(at, put, take)
    return { key, bytes: sealed(unhex(now).slice(40)) }
  }
  const four = (value: number): string => hex(bigEndian(value, 4))
  const length = two.bytes.length / 2
  const cases: readonly (readonly [string, readonly StoredObject[]])[] = [
    ['nothing', []],
    ['one entry', [one]],
    ['several entries an object', all],
    ['trimmed by an object', [two, three]],
    ['only the last is left', [three]],
    ['a journal that begins after position 7', [elsewhere]],
    ['a stale writer where one was trimmed, with a gap behind it', [stale, three]],
    ['a stale writer of as many entries as were trimmed', [short, three]],
    ['the magic', [one, changed(0, '00')]],
    ['a later format', [one, changed(4, four(2))]],
    ['a bit of the check', [one, changed(8, hex([unhex(two.bytes)[8]! ^ 1]))]],
    ['a bit of an entry', [one, changed(100, hex([unhex(two.bytes)[100]! ^ 1]))]],
    ['under the key of another', [one, { key: keyOf(3), bytes: two.bytes }]],
    ['no entry', [one, resealed(48, four(0), 4)]],
    ['more entries than it has', [one, resealed(48, four(3))]],
    ['fewer entries than it has', [one, resealed(48, four(1))]],
    ['2^32 - 1 entries', [one, resealed(48, 'ffffffff')]],
    ['an entry of no bytes', [one, resealed(84, four(0))]],
    ['an entry beyond the end', [one, resealed(84, four(length))]],
    ['an entry of 2^32 - 1 bytes', [one, resealed(84, 'ffffffff')]],
    ['one byte more', [one, resealed(length, '00', 0)]],
    ['one byte less', [one, resealed(length - 1, '', 1)]],
    ['the head alone', [one, { key: two.key, bytes: two.bytes.slice(0, 168) }]],
    ['a part of the head', [one, { key: two.key, bytes: two.bytes.slice(0, 166) }]],
    ['no bytes', [one, { key: two.key, bytes: '' }]],
  ]
  return cases.map(([what, objects]) => ({ what, objects, found: read(objects) }))
}
