import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { makeSet } from '../../src/archive/set.ts'
import { toHex } from '../../src/bytes.ts'
import { decodeEntry } from '../../src/journal/decode.ts'
import { createMemoryJournal } from '../journal/memory-journal.ts'
import { writeNote } from '../../src/set/notes/notes.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import { openWriter, readAll } from '../journal/tools.ts'
import { test } from '../serial.ts'
import { member } from './members.ts'

const never = new AbortController().signal
const random = (length: number): Uint8Array => new Uint8Array(length).fill(7)

async function one(t: ExecutionContext) {
  const directory = await mkdtemp(join(tmpdir(), 'dstore-set-'))
  await mkdir(join(directory, 'a'))
  const journal = createMemoryJournal()
  const bucket = new MemoryBucket()
  const { set } = member({ directory, journal, bucket })
  t.teardown(async () => {
    await set.close()
    await journal.close()
    await rm(directory, { recursive: true, force: true })
  })
  return { journal, bucket, set, objects: bucket.client() }
}

test('R012-15: the journal of one set and the bucket of another are refused', async (t) => {
  const { journal, set, objects } = await one(t)
  await makeSet(objects, random)
  const { writer } = await openWriter(journal, 7)
  await writer.close()
  const error = await t.throwsAsync(set.stand(never), { code: 'conflict' })
  t.regex(error.message, new RegExp(`and s3:.* is of ${toHex(random(16))}`))
  t.regex((error as { hint?: string }).hint!, /the engine and the bucket of one set/)
  t.is((await journal.extent()).last, 1, 'nothing was appended')
})

test('R012-15: a bucket that was made before gives a new journal its id', async (t) => {
  const { journal, set, objects } = await one(t)
  await makeSet(objects, random)
  await set.stand(never)
  const [entry] = await readAll(journal)
  t.deepEqual(decodeEntry(entry!).head.set, random(16))
})

test('R012-15: an empty journal beside members that have applied entries is refused', async (t) => {
  const { journal, set, objects } = await one(t)
  await writeNote(objects, {
    id: 'b'.repeat(16),
    name: 'b',
    version: '1',
    state: 'standby',
    position: 5,
    addresses: [],
    at: 1,
  })
  await t.throwsAsync(set.stand(never), { code: 'integrity', message: /journal is empty/ })
  t.is((await journal.extent()).last, 0)
})
