/** Batches that never come to their end, and many at once: what they cost is bounded over all clients. */
import { once } from 'node:events'
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import test from 'ava'
import { HTTP_BATCHES_BYTES, HTTP_BATCH_BYTES, INLINE_VALUE_BYTES } from '../../../src/limits.ts'
import { serving } from '../serving.ts'

const SIZES = Array.from(
  { length: HTTP_BATCH_BYTES / INLINE_VALUE_BYTES },
  () => INLINE_VALUE_BYTES,
)
const AT_ONCE = HTTP_BATCHES_BYTES / HTTP_BATCH_BYTES

test('R007-33: batches that stop in the middle do not cost more than all batches may, nor for ever', async (t) => {
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
    // What is refused or left is cut while it is still sent.
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
  // One that waits long enough comes to its turn when another leaves.
  const patient = begin(60_000)
  const status = answered(patient)
  stuck[0]!.destroy()
  patient.end(Buffer.alloc(HTTP_BATCH_BYTES - 1000))
  t.is(await status, 200)
  for (const sent of stuck) sent.destroy()
})
