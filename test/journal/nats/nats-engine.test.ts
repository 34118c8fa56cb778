/** What an append does where the bucket does not take a large entry. */
import type { NatsConnection } from '@nats-io/transport-node'
import { AppendError } from '../../../src/journal/journal.ts'
import type { JetStream } from '../../../src/journal/nats/jetstream.ts'
import { LargeEntries } from '../../../src/journal/nats/large-entries.ts'
import { NatsEngine } from '../../../src/journal/nats/nats-engine.ts'
import { namesOf } from '../../../src/journal/nats/stream.ts'
import { DstoreError } from '../../../src/errors.ts'
import { JOURNAL_INLINE_BYTES, JOURNAL_OBJECT_MS, SET_SERVE_MS } from '../../../src/limits.ts'
import { MemoryBucket } from '../../bucket/memory-objects.ts'
import { test } from '../../serial.ts'
import { pattern, text } from '../tools.ts'

/** An engine whose stream takes every message, and notes it. */
function engineWith(bucket: MemoryBucket) {
  const published: { readonly subject: string; readonly after: number }[] = []
  const jetStream = {
    publish: async (subject: string, after: number) => {
      published.push({ subject, after })
      return { sequence: after + 1 }
    },
  } as unknown as JetStream
  const engine = new NatsEngine({
    place: 'nats://h/one',
    connection: { subscribe: () => undefined } as unknown as NatsConnection,
    jetStream,
    names: namesOf('one'),
    large: new LargeEntries(bucket.client()),
    onMoved: () => undefined,
  })
  return { engine, published }
}

const LARGE = pattern(JOURNAL_INLINE_BYTES + 1)

test('R009-86, R009-74 a bucket that hangs fails a large entry with certainty, and soon', async (t) => {
  const bucket = new MemoryBucket()
  bucket.onRequest = () => 'silent'
  const { engine, published } = engineWith(bucket)
  const began = performance.now()
  const error = await t.throwsAsync(engine.append(0, LARGE))
  const ms = performance.now() - began
  t.true(error instanceof AppendError)
  t.like(error, { outcome: 'not-appended', code: 'timeout' })
  t.regex(error.message, /did not take a large entry within 1\.5 s$/)
  t.true(ms > JOURNAL_OBJECT_MS - 50 && ms < SET_SERVE_MS + 3_000, `${ms} ms`)
  t.deepEqual(published, [])
  t.is(await engine.append(0, text('1')), 'ok')
  t.is(published.length, 1)
})

test('R009-86 a bucket that refuses says why, and no message is sent', async (t) => {
  const bucket = new MemoryBucket()
  bucket.onRequest = () => {
    throw new DstoreError('not-permitted', 'no credentials')
  }
  const { engine, published } = engineWith(bucket)
  const error = await t.throwsAsync(engine.append(0, LARGE))
  t.like(error, { outcome: 'not-appended', code: 'not-permitted', message: 'no credentials' })
  t.deepEqual(published, [])
  bucket.onRequest = () => 'whole'
  t.is(await engine.append(0, LARGE), 'ok')
  t.deepEqual(published, [{ subject: 'dstore.one.j.object', after: 0 }])
})
