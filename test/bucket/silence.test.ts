/** A bucket that takes connections, and never answers: nothing waits long for it. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { DstoreError } from '../../src/errors.ts'
import { ARCHIVE_SILENCE_MS, MIB } from '../../src/limits.ts'
import { raceBucket } from '../../src/bucket/race.ts'
import { Silence } from '../../src/bucket/silence.ts'
import { tryAgain } from '../../src/bucket/try-again.ts'
import { eventually } from '../eventually.ts'
import { test } from '../serial.ts'
import { withBucket } from './opened.ts'

const FOR_EVER = { kind: 'late', ms: 600_000 } as const
const ALWAYS = { times: Infinity }

test('R011-7: a bucket that is silent fails what waits for it, of any size', async (t) => {
  await withBucket(
    async ({ stub, objects }) => {
      stub.inject(FOR_EVER, ALWAYS)
      const upload = { key: 'v/1', id: 'x' }
      const begun = performance.now()
      for (const fault of await Promise.all(
        [
          objects.put('a', Buffer.from('1')),
          objects.get('a'),
          objects.list(''),
          objects.uploadPart(upload, 1, Buffer.alloc(8 * MIB)),
          objects.completeUpload(upload, []),
        ].map((call) => t.throwsAsync<DstoreError>(call)),
      )) {
        t.is(fault?.code, 'unreachable')
        t.regex(fault.message, /no answer in time/)
      }
      t.true(performance.now() - begun < 15_000)
      // What follows at once, such as to clean up, does not wait as long again.
      const later = performance.now()
      await t.throwsAsync(objects.size('a'))
      t.true(performance.now() - later < 3_900)
    },
    { requestMs: 60_000, silenceMs: 4_000 },
  )
})

test('R011-7: a server that takes connections and reads nothing is silent', async (t) => {
  const server = createServer((socket) => void socket.pause())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await withBucket(
    async ({ objects }) => {
      const begun = performance.now()
      const part = objects.uploadPart({ key: 'v/1', id: 'x' }, 1, Buffer.alloc(32 * MIB))
      t.is((await t.throwsAsync<DstoreError>(part))?.code, 'unreachable')
      t.true(performance.now() - begun < 15_000)
    },
    { endpoint, requestMs: 60_000, silenceMs: 1_000 },
  )
})

test('R011-7: a race in a silent bucket ends, with its cleaning up', async (t) => {
  await withBucket(
    async ({ stub, objects }) => {
      stub.inject(FOR_EVER, ALWAYS)
      const begun = performance.now()
      const fault = await t.throwsAsync<DstoreError>(raceBucket(objects, { name: 'one' }))
      t.is(fault?.code, 'unreachable')
      t.true(performance.now() - begun < 15_000)
    },
    { requestMs: 60_000, silenceMs: 1_000 },
  )
})

test('R011-7: a request that takes its time does not fail in a bucket that answers others', async (t) => {
  await withBucket(
    async ({ stub, objects }) => {
      stub.inject({ kind: 'late', ms: 1_500 }, { operation: 'PutObject' })
      t.is(await objects.put('a', Buffer.from('1')), 'written')
      t.true(stub.log.some(({ operation }) => operation === 'HeadObject'))
    },
    { requestMs: 60_000, silenceMs: 500 },
  )
})

test('R011-7: bytes that the bucket takes or sends slowly are no silence', async (t) => {
  const silence = new Silence({ ms: 300, probe: () => undefined })
  let isSilent = false
  const end = silence.watch(() => (isSilent = true))
  for (const sign of ['sent', 'heard'] as const) {
    for (let i = 0; i < 10; i++) {
      await sleep(60)
      silence[sign]()
    }
    t.false(isSilent, sign)
  }
  await eventually(() => isSilent)
  end()
})

test('R011-7: after a silence calls wait less, for a while, or until there is an answer', async (t) => {
  let now = 0
  const silence = new Silence({ ms: 1_000, probe: () => undefined, now: () => now })
  const wait = async (): Promise<number> => {
    const begun = performance.now()
    await new Promise<void>((resolve) => {
      const end = silence.watch(() => {
        end()
        resolve()
      })
    })
    return performance.now() - begun
  }
  t.true((await wait()) > 800)
  t.true((await wait()) < 800)
  // Bytes that its system takes prove nothing.
  silence.sent()
  t.true((await wait()) < 800)
  now += 1_000
  t.true((await wait()) > 800, 'a slow bucket gets its chance again')
  silence.heard()
  t.true((await wait()) > 800)
})

test('R011-8: what failed after a long silence is not tried again', async (t) => {
  let now = 0
  let tries = 0
  const signal = new AbortController().signal
  const run = (ms: number) => async (): Promise<never> => {
    tries++
    now += ms
    throw new DstoreError('unreachable', 'no answer in time')
  }
  const parts = { signal, sleep: async () => undefined, now: () => now }
  await t.throwsAsync(tryAgain(run(ARCHIVE_SILENCE_MS), parts), { message: 'no answer in time' })
  t.is(tries, 1)
  await t.throwsAsync(tryAgain(run(1), parts))
  t.is(tries, 4)
})
