/** Batches that never end, and many at once: their memory is bounded over all clients. */
import { once } from 'node:events'
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { mock } from 'node:test'
import test from 'ava'
import { timedBody, type HttpCall } from '../../../src/daemon/http/call.ts'
import {
  HTTP_BATCHES_BYTES,
  HTTP_BATCH_BYTES,
  HTTP_REQUEST_MS,
  INLINE_VALUE_BYTES,
} from '../../../src/limits.ts'
import { serving } from '../serving.ts'

const SIZES = Array.from(
  { length: HTTP_BATCH_BYTES / INLINE_VALUE_BYTES },
  () => INLINE_VALUE_BYTES,
)
const AT_ONCE = HTTP_BATCHES_BYTES / HTTP_BATCH_BYTES

test.serial('R007-33 R007-11: a body that stalls ends its request after a while', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const stalled = new Readable({ read: () => undefined })
  const next = timedBody({ request: stalled } as unknown as HttpCall).next()
  mock.timers.tick(HTTP_REQUEST_MS - 1)
  t.false(stalled.destroyed)
  mock.timers.tick(1)
  t.true(stalled.destroyed)
  await t.throwsAsync(next, { code: 'cancelled' })
})

test('R007-33: batches that stop in the middle cost no more than all batches may', async (t) => {
  const { directory } = await serving(t)
  const begin = (timeoutMs: number): ClientRequest => {
    const sent = request({
      socketPath: directory.socket,
      agent: false,
      method: 'POST',
      path: `/v1/batch?timeout=${timeoutMs}`,
      headers: {
        Host: 'localhost',
        'Dstore-Sizes': SIZES.join(','),
        'Content-Length': HTTP_BATCH_BYTES,
      },
    })
    sent.on('error', () => undefined)
    // The daemon cuts the connection of a client that still sends.
    sent.on('socket', (socket) => socket.on('error', () => undefined))
    sent.write(Buffer.alloc(1000))
    return sent
  }
  const answered = async (sent: ClientRequest): Promise<number> => {
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    response.resume()
    return response.statusCode!
  }
  const stuck = Array.from({ length: AT_ONCE }, () => begin(60_000))
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.is(await answered(begin(300)), 429)
  // A batch that waits gets its turn when others leave, long before the daemon would cut them off.
  const patient = begin(60_000)
  const status = answered(patient)
  const startedAt = performance.now()
  for (const sent of stuck.slice(1)) sent.destroy()
  patient.end(Buffer.alloc(HTTP_BATCH_BYTES - 1000))
  t.is(await status, 200)
  t.true(performance.now() - startedAt < HTTP_REQUEST_MS - 5000)
  stuck[0]!.destroy()
})
