import { readFileSync } from 'node:fs'
import { objectOf } from '../../../specs/models/journal-objects.ts'
import type { JournalVectors } from '../../../specs/models/journal-vectors.ts'
import { fromHex, toHex } from '../../../src/bytes.ts'
import { openBucketJournal } from '../../../src/journal/bucket/bucket-journal.ts'
import { NO_OBJECT, encodeObject, keyOf } from '../../../src/journal/bucket/object.ts'
import { createMemoryJournal } from '../memory-journal.ts'
import { MemoryBucket } from '../../bucket/memory-objects.ts'
import { test } from '../../serial.ts'
import { readAll } from '../tools.ts'

const { objects: vectors, journals } = JSON.parse(
  readFileSync('specs/vectors/009-journal.json', 'utf8'),
) as JournalVectors

for (const { what, objects, found } of vectors) {
  test(`R009-61, R009-65, R009-66 the objects of the vectors: ${what}`, async (t) => {
    const bucket = new MemoryBucket()
    for (const { key, bytes } of objects) bucket.objects.set(key, fromHex(bytes)!)
    const journal = openBucketJournal({ objects: bucket.client() })
    if ('refused' in found) {
      const { first, last } = await openBucketJournal({ objects: bucket.client() })
        .extent()
        .catch(() => ({ first: 1, last: 0 }))
      t.deepEqual([first, last], [1, 0])
      await t.throwsAsync(journal.extent(), { code: found.refused })
      return
    }
    const { first, last } = await journal.extent()
    const entries = await readAll(journal, first - 1)
    t.deepEqual({ first, entries: entries.map((entry) => toHex(entry)) }, found)
    t.is(last, first + found.entries.length - 1)
    if (first > 1) t.is(await journal.at(first - 1), 'gone')
  })
}

test('R009-61 objects are written as the model writes them', (t) => {
  const entries = journals[0]!.entries.slice(0, 3)
  const made = encodeObject(
    7,
    NO_OBJECT,
    entries.map((entry) => fromHex(entry)!),
  )
  const modelled = objectOf({ first: 7, previous: toHex(NO_OBJECT), entries })
  t.deepEqual({ key: keyOf(made.first), bytes: toHex(made.bytes) }, modelled)
  t.is(toHex(made.check), modelled.bytes.slice(16, 80))
})

test('R011-30 entries of another journal are the same bytes at the same positions', async (t) => {
  const entries = journals[0]!.entries.map((entry) => fromHex(entry)!)
  const own = createMemoryJournal()
  for (const [i, entry] of entries.entries()) await own.append(i, entry)
  const bucket = new MemoryBucket()
  const start = { position: 1 }
  const journal = openBucketJournal({ objects: bucket.client(), start })
  t.is(await journal.appendAll(1, entries.slice(1, 3)), 'ok')
  t.is(await journal.appendAll(3, entries.slice(3)), 'ok')
  const { first, last } = await journal.extent()
  t.deepEqual([first, last], [2, (await own.extent()).last])
  for (let position = first; position <= last; position++) {
    t.deepEqual(await journal.at(position), await own.at(position))
  }
})
