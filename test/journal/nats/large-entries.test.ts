import { JOURNAL_ENTRY_BYTES } from '../../../src/limits.ts'
import {
  LargeEntries,
  decodeReference,
  encodeReference,
  referenceTo,
} from '../../../src/journal/nats/large-entries.ts'
import { MemoryBucket } from '../../bucket/memory-objects.ts'
import { test } from '../../serial.ts'
import { pattern, text } from '../tools.ts'

test('R009-81 a large entry is an object that its message names by length and digest', async (t) => {
  const bucket = new MemoryBucket()
  const large = new LargeEntries(bucket.client())
  const entry = pattern(5000)
  const reference = await large.put(10, entry)
  t.is((await large.put(10, entry)).length, 5000)
  await large.put(10, pattern(5000, 1))
  t.is(bucket.objects.size, 2)
  const [key] = bucket.objects.keys()
  t.regex(key!, /^j\/000000000000000a-[0-9a-f]{64}$/)
  const told = decodeReference(10, encodeReference(reference))
  t.deepEqual(told, referenceTo(entry))
  t.deepEqual(await large.get(10, told), entry)
  t.is(await large.get(11, told), undefined)
  for (const damaged of [entry.subarray(1), pattern(5001), pattern(5000, 2)]) {
    bucket.objects.set(key!, damaged)
    t.like(await t.throwsAsync(large.get(10, told)), { code: 'integrity' })
  }
})

test('R009-81 what names no object is refused before anything is read', (t) => {
  const whole = encodeReference(referenceTo(text('1')))
  const changed = (index: number, value: number): Uint8Array => {
    const bytes = Uint8Array.from(whole)
    bytes[index] = value
    return bytes
  }
  const long = encodeReference({ ...referenceTo(text('1')), length: JOURNAL_ENTRY_BYTES + 1 })
  const none = encodeReference({ ...referenceTo(text('1')), length: 0 })
  for (const bytes of [whole.subarray(1), new Uint8Array(0), changed(0, 2), long, none]) {
    t.throws(() => decodeReference(7, bytes), { message: 'entry 7 of the journal names no object' })
  }
})

test('R009-82 a trim deletes objects up to its position, of failed appends too', async (t) => {
  const bucket = new MemoryBucket()
  const large = new LargeEntries(bucket.client())
  for (const position of [1, 2, 2, 3, 255, 256])
    await large.put(position, text(`${bucket.objects.size}`))
  bucket.objects.set('j/note', text('mine'))
  bucket.objects.set('s/0000000000000001', text('snapshot'))
  await large.trim(255)
  const left = [...bucket.objects.keys()].toSorted()
  t.is(left.length, 3)
  t.regex(left[0]!, /^j\/0000000000000100-/)
  t.deepEqual(left.slice(1), ['j/note', 's/0000000000000001'])
  await large.trim(255)
  t.is(bucket.objects.size, 3)
})
