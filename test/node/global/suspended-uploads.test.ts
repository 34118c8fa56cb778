/** Streams that members may resume, and what they may not. */
import { mock } from 'node:test'
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { KIB, UNFINISHED_BYTES } from '../../../src/limits.ts'
import { Ingest, type Staged } from '../../../src/node/global/ingest.ts'
import {
  SUSPENDED,
  SUSPENDED_MS,
  SUSPENDED_PER_PEER,
  SuspendedUploads,
} from '../../../src/node/global/suspended-uploads.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'
import type { IncomingStream } from '../../../src/transfer/receive-upload.ts'
import type { Channel } from '../../../src/wire/channel.ts'
import { pattern } from '../../hash/sizes.ts'
import { fails } from '../../transfer/ends.ts'
import { channelPair } from '../../wire/memory-pair.ts'

const BYTES = pattern(100 * KIB)
const { digest } = hash(BYTES)
const IDENTITY = { digest, size: BYTES.byteLength }
const HALF = 50 * KIB
const lost = new DstoreError('unreachable', 'the peer dropped the channel')

const idOf = (byte: number): Uint8Array => new Uint8Array(16).fill(byte)

/** A Global's streams; what they are adopted as. */
function streams() {
  const store = createMemoryStore({ maxBytes: 1 << 20 })
  const adopted: Staged[] = []
  const uploads = new SuspendedUploads({
    begin: (size) => Ingest.begin(store, size),
    adopt: async (value) => {
      adopted.push(value as Staged)
      return { incarnation: adopted.length, existed: false }
    },
  })
  return { store, adopted, uploads }
}

const channelOf = (peer: string): Channel => channelPair({ peers: ['me', peer] })[0]

async function* some(bytes: Uint8Array, end?: Error): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 10 * KIB) yield bytes.subarray(at, at + 10 * KIB)
  if (end !== undefined) throw end
}

/** The rest of the value, taken to its end. */
const rest = (stream: IncomingStream, from = stream.receivedBytes) =>
  stream.take(some(BYTES.subarray(from)), () => IDENTITY, {})

const begin = { size: undefined, resumeFrom: undefined }

/** Sends half of the value, and breaks off. */
async function broken(uploads: SuspendedUploads, peer = 'A', id = idOf(1)): Promise<void> {
  const channel = channelOf(peer)
  const stream = await uploads.open(channel, { ...begin, id })
  const taking = stream.take(some(BYTES.subarray(0, HALF), lost), () => IDENTITY, {})
  await taking.catch(() => undefined)
}

test('R003-119: a stream that broke off is resumed where it was, by its sender only', async (t) => {
  const { uploads, adopted } = streams()
  await broken(uploads)
  t.deepEqual(uploads.usage, { count: 1, bytes: HALF })
  const resume = { size: undefined, id: idOf(1), resumeFrom: HALF - 5 }
  await fails(t, uploads.open(channelOf('B'), resume), 'not-found')
  await fails(t, uploads.open(channelOf('A'), { ...resume, id: idOf(2) }), 'not-found')
  const stream = await uploads.open(channelOf('A'), resume)
  t.is(stream.receivedBytes, HALF)
  t.deepEqual(await rest(stream), { incarnation: 1, existed: false })
  t.deepEqual(adopted[0]?.digest, digest)
  t.deepEqual(uploads.usage, { count: 0, bytes: 0 })
})

test('R003-119: a sender that lacks bytes of its stream cannot resume it, and nothing of it stays', async (t) => {
  const { uploads, store } = streams()
  await broken(uploads)
  const resume = { size: undefined, id: idOf(1), resumeFrom: HALF + 1 }
  await fails(t, uploads.open(channelOf('A'), resume), 'not-found')
  t.is(uploads.usage.count, 0)
  t.is((await store.usage()).headroomBytes, 1 << 20)
  await fails(t, uploads.open(channelOf('A'), { ...resume, resumeFrom: 0 }), 'not-found')
})

test('R003-119: a stream is taken from a channel that its sender has given up', async (t) => {
  const { uploads } = streams()
  const first = channelOf('A')
  const stream = await uploads.open(first, { ...begin, id: idOf(1) })
  // It waits for more until its channel is aborted.
  const stuck = async function* (): AsyncGenerator<Uint8Array> {
    yield BYTES.subarray(0, HALF)
    await new Promise((_, reject) => {
      first.signal.addEventListener('abort', () => reject(first.signal.reason as Error))
    })
  }
  const taking = stream.take(stuck(), () => IDENTITY, {})
  taking.catch(() => undefined)
  await new Promise((resolve) => setImmediate(resolve))
  await fails(t, uploads.open(channelOf('A'), { ...begin, id: idOf(1) }), 'conflict')
  const again = await uploads.open(channelOf('A'), { size: undefined, id: idOf(1), resumeFrom: 0 })
  t.true(first.signal.aborted)
  await t.throwsAsync(taking)
  t.is(again.receivedBytes, HALF)
  t.deepEqual(await rest(again), { incarnation: 1, existed: false })
})

test('R003-119: a sender that missed the result hears it again, and nothing is stored twice', async (t) => {
  const { uploads, adopted } = streams()
  const stream = await uploads.open(channelOf('A'), { ...begin, id: idOf(1) })
  await rest(stream, 0)
  const resume = { size: undefined, id: idOf(1), resumeFrom: 0 }
  const again = await uploads.open(channelOf('A'), resume)
  t.is(again.receivedBytes, IDENTITY.size)
  t.deepEqual(await rest(again), { incarnation: 1, existed: false })
  t.is(adopted.length, 1)
  await fails(t, rest(await uploads.open(channelOf('A'), resume), 0), 'protocol')
  const other = await uploads.open(channelOf('A'), resume)
  const lie = { ...IDENTITY, size: 5 }
  await fails(
    t,
    other.take(some(BYTES.subarray(IDENTITY.size)), () => lie, {}),
    'protocol',
  )
  await fails(t, uploads.open(channelOf('B'), resume), 'not-found')
})

test('R003-119: a channel that breaks before the first byte leaves a stream that can be resumed', async (t) => {
  const { uploads } = streams()
  const channel = channelOf('A')
  await uploads.open(channel, { ...begin, id: idOf(1) })
  channel.abort(lost)
  t.is(uploads.usage.count, 1)
  const again = await uploads.open(channelOf('A'), { size: undefined, id: idOf(1), resumeFrom: 0 })
  await rest(again)
})

test('R003-119: what fails for another reason than its channel is not kept', async (t) => {
  const { uploads, store } = streams()
  const stream = await uploads.open(channelOf('A'), { ...begin, id: idOf(1) })
  const fault = new DstoreError('protocol', 'a message out of place')
  const taking = stream.take(some(BYTES.subarray(0, HALF), fault), () => IDENTITY, {})
  await fails(t, taking, 'protocol')
  t.is(uploads.usage.count, 0)
  t.is((await store.usage()).headroomBytes, 1 << 20)
})

test('R003-119: a wrong identity at the end is integrity, after a break too', async (t) => {
  const { uploads, adopted } = streams()
  await broken(uploads)
  const resume = { size: undefined, id: idOf(1), resumeFrom: HALF }
  const stream = await uploads.open(channelOf('A'), resume)
  // The wrong bytes follow.
  const wrong = stream.take(some(BYTES.subarray(HALF - 1, -1)), () => IDENTITY, {})
  await fails(t, wrong, 'integrity')
  t.is(adopted.length, 0)
})

test('R003-119: of the suspended streams of a member a bounded number is kept, the latest, for a while', async (t) => {
  const { uploads } = streams()
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  await broken(uploads, 'B', idOf(0))
  for (let i = 0; i <= SUSPENDED_PER_PEER; i++) await broken(uploads, 'A', idOf(i))
  t.is(uploads.usage.count, SUSPENDED_PER_PEER + 1, 'those of another are not touched')
  const resume = { size: undefined, resumeFrom: 0 }
  await fails(t, uploads.open(channelOf('A'), { ...resume, id: idOf(0) }), 'not-found')
  t.is((await uploads.open(channelOf('A'), { ...resume, id: idOf(1) })).receivedBytes, HALF)
  mock.timers.tick(SUSPENDED_MS)
  t.is(uploads.usage.count, 0)
  await fails(t, uploads.open(channelOf('B'), { ...resume, id: idOf(0) }), 'not-found')
})

/** Streams of these sizes, each of its own sender, that broke off; those discarded, by size. */
async function ofSizes(sizes: readonly number[]) {
  const discarded: number[] = []
  const coming = [...sizes]
  const begin = async (): Promise<Ingest> => {
    const receivedBytes = coming.shift()!
    const fake = {
      receivedBytes,
      canResume: true,
      add: () => Promise.reject(lost),
      discard: async () => void discarded.push(receivedBytes),
    }
    return fake as unknown as Ingest
  }
  const adopt = () => Promise.reject(new Error('none is complete'))
  const uploads = new SuspendedUploads({ begin, adopt })
  for (const i of sizes.keys()) await broken(uploads, `peer ${i}`)
  return { uploads, discarded }
}

test('R003-119: of the suspended streams of all members together a bounded number is kept, the latest', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const sizes = Array.from({ length: SUSPENDED + 3 }, (_, i) => i)
  const { uploads, discarded } = await ofSizes(sizes)
  t.is(uploads.usage.count, SUSPENDED)
  t.deepEqual(discarded, [0, 1, 2])
})

test('R003-119: suspended streams take bounded room together, and the oldest go first', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const half = UNFINISHED_BYTES / 2
  const exact = await ofSizes([half, half])
  t.deepEqual(exact.uploads.usage, { count: 2, bytes: UNFINISHED_BYTES })
  t.deepEqual(exact.discarded, [])
  const { uploads, discarded } = await ofSizes([1, half, 2, half])
  t.deepEqual(discarded, [1, half])
  t.deepEqual(uploads.usage, { count: 2, bytes: half + 2 })
})
