/**
 * Clients that do not read, do not send, or outlast a stop: what they cost the daemon is bounded.
 */
import { EventEmitter, once } from 'node:events'
import { request } from 'node:http'
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from '../../serial.ts'
import {
  HTTP_BATCHES_BYTES,
  HTTP_BATCH_BYTES,
  HTTP_BEAT_MS,
  HTTP_REQUEST_MS,
  INLINE_VALUE_BYTES,
  PROGRESS_MS,
} from '../../../src/limits.ts'
import { DstoreError } from '../../../src/errors.ts'
import { SOCKET_ACCESS } from '../../../src/daemon/http/access.ts'
import { timedBody } from '../../../src/daemon/http/call.ts'
import type { HttpCall } from '../../../src/daemon/http/call.ts'
import { watchChanges } from '../../../src/daemon/http/changes.ts'
import { sendEvents } from '../../../src/daemon/http/json-lines.ts'
import { createApiServer } from '../../../src/daemon/http/server.ts'
import { createLog } from '../../../src/daemon/process/log.ts'
import type { ChangeEvent, Progress } from '../../../src/node/node.ts'
import { FakeNode } from '../fake-node.ts'
import { contextOf, serving, temporaryDirectory } from '../serving.ts'

/** The last event of a call that fails. */
interface Failed {
  readonly problem: { readonly code: string }
}

/** A response that counts what is written, and is full until it is drained. */
class FullResponse extends EventEmitter {
  headersSent = false
  writableNeedDrain = false
  readonly written: string[] = []

  writeHead(): void {
    this.headersSent = true
  }

  write(text: string): boolean {
    this.written.push(text)
    this.writableNeedDrain = true
    return false
  }

  end(): void {
    this.emit('finish')
  }

  drain(): void {
    this.writableNeedDrain = false
    this.emit('drain')
  }
}

function callWith(response: FullResponse, rest: Partial<HttpCall>): HttpCall {
  const { signal } = new AbortController()
  const common = {
    signal,
    stopping: signal,
    query: new URLSearchParams(),
    request: { headers: {} },
  }
  const sent = response as unknown as ServerResponse
  return { ...common, response: sent, ...rest } as unknown as HttpCall
}

test('R007-13 events are PROGRESS_MS apart, and a client that does not read them costs no memory', async (t) => {
  const response = new FullResponse()
  const progress: Progress = { phase: 'store', doneBytes: 1, totalBytes: 2 }
  await sendEvents(callWith(response, {}), async (onProgress) => {
    for (let at = 0; at < 100; at++) onProgress(progress)
    t.is(response.written.length, 1)
    await sleep(PROGRESS_MS + 20)
    onProgress(progress)
    t.is(response.written.length, 1, 'it is not read')
    response.drain()
    await sleep(0)
    for (let at = 0; at < 100; at++) onProgress(progress)
    t.is(response.written.length, 2)
    response.drain()
    await sleep(0)
    for (let at = 0; at < 100; at++) onProgress(progress)
    t.is(response.written.length, 2, 'too early')
  })
  t.regex(response.written.at(-1)!, /"done"/)
})

test('R007-9 the last event of a call that a stop cuts tells of the stop, and else of the fault', async (t) => {
  const progress: Progress = { phase: 'store', doneBytes: 1, totalBytes: 2 }
  for (const [reason, code] of [
    [new DstoreError('unreachable', 'the daemon is stopping'), 'unreachable'],
    [undefined, 'cancelled'],
  ] as const) {
    const response = new FullResponse()
    const aborter = new AbortController()
    await sendEvents(callWith(response, { signal: aborter.signal }), async (onProgress) => {
      onProgress(progress)
      if (reason !== undefined) aborter.abort(reason)
      throw new DstoreError('cancelled', 'cancelled')
    })
    t.is((JSON.parse(response.written.at(-1)!) as Failed).problem.code, code)
  }
})

test('R007-34 R007-35 changes and beats wait for a client that does not read', async (t) => {
  const response = new FullResponse()
  const node = new FakeNode()
  let taken = 0
  node.index.watch = async function* ({ onStart } = {}) {
    onStart?.('p-0')
    for (;;) {
      const seq = ++taken
      yield { position: `p-${seq}`, seq, type: 'put', names: [] } as unknown as ChangeEvent
    }
  }
  const aborter = new AbortController()
  const watching = watchChanges(callWith(response, { node, signal: aborter.signal }))
  await sleep(50)
  t.is(taken, 1)
  response.drain()
  await sleep(50)
  t.is(taken, 2)
  const { length } = response.written
  await sleep(HTTP_BEAT_MS + 200)
  t.is(response.written.length, length)
  aborter.abort()
  await watching
})

test('R007-9 a stop aborts the calls that outlast its grace', async (t) => {
  const node = new FakeNode()
  const socket = `${temporaryDirectory(t)}/s`
  const log = createLog('error', () => undefined)
  const api = createApiServer(contextOf(node, socket), SOCKET_ACCESS, log)
  api.server.listen(socket)
  await once(api.server, 'listening')
  const { key } = await node.put({ bytes: [new Uint8Array(50_000)] as never })
  const asked = new EventEmitter()
  node.index.lookup = async (_, { signal } = {}) => {
    setImmediate(() => asked.emit('asked'))
    await once(signal!, 'abort')
    // As a node ends its calls.
    throw new DstoreError('cancelled', 'cancelled', { cause: signal!.reason })
  }
  const client = connect(socket)
  t.teardown(() => client.destroy())
  const heard: string[] = []
  client.on('data', (data) => heard.push(String(data)))
  client.write(`GET /v1/names/${key.toString().slice(0, 5)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await once(asked, 'asked')
  const startedAt = performance.now()
  await api.close(200)
  t.true(performance.now() - startedAt < 3000)
  while (heard.length === 0) await once(client, 'data')
  t.regex(heard.join(''), /^HTTP\/1\.1 503 [^]*the daemon is stopping/)
})

const SIZES = Array.from(
  { length: HTTP_BATCH_BYTES / INLINE_VALUE_BYTES },
  () => INLINE_VALUE_BYTES,
)
const AT_ONCE = HTTP_BATCHES_BYTES / HTTP_BATCH_BYTES

test('R007-33 R007-11: a body that stalls ends its request after a while', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const stalled = Object.assign(new Readable({ read: () => undefined }), { headers: {} })
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
  const stuck = Array.from({ length: AT_ONCE - 1 }, () => begin(60_000))
  await new Promise((resolve) => setTimeout(resolve, 200))
  // The last one that fits into the budget does not wait.
  const last = begin(300)
  last.end(Buffer.alloc(HTTP_BATCH_BYTES - 1000))
  t.is(await answered(last), 200)
  stuck.push(begin(60_000))
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
