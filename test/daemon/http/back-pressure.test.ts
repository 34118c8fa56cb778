/** What the daemon writes to a client that does not read, or that it stops serving. */
import { EventEmitter, once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { HTTP_BEAT_MS, PROGRESS_MS } from '../../../src/limits.ts'
import { SOCKET_ACCESS } from '../../../src/daemon/http/access.ts'
import type { ApiContext, HttpCall } from '../../../src/daemon/http/call.ts'
import { watchChanges } from '../../../src/daemon/http/changes.ts'
import { sendEvents } from '../../../src/daemon/http/json-lines.ts'
import { createApiServer } from '../../../src/daemon/http/server.ts'
import { createLog } from '../../../src/daemon/process/log.ts'
import type { ChangeEvent, Progress } from '../../../src/node/node.ts'
import { FakeNode } from '../fake-node.ts'
import { temporaryDirectory } from '../serving.ts'

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

test('R007-9 a stop aborts the calls that outlast its grace, and ends their connections', async (t) => {
  const node = new FakeNode()
  const socket = `${temporaryDirectory(t)}/s`
  const context: ApiContext = {
    node,
    directory: '',
    socket,
    http: () => undefined,
    stop: () => undefined,
  }
  const log = createLog('error', () => undefined)
  const api = createApiServer(context, SOCKET_ACCESS, log)
  api.server.listen(socket)
  await once(api.server, 'listening')
  const { key } = await node.put({ bytes: [new Uint8Array(50_000)] as never })
  node.index.lookup = async (_, { signal } = {}) => {
    await once(signal!, 'abort')
    throw signal!.reason
  }
  const client = connect(socket)
  const heard: string[] = []
  client.on('data', (data) => heard.push(String(data)))
  client.write(`GET /v1/names/${key.toString().slice(0, 5)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await sleep(50)
  const startedAt = performance.now()
  await api.close(200)
  t.true(performance.now() - startedAt < 3000)
  if (!client.closed) await once(client, 'close')
  t.regex(heard.join(''), /^HTTP\/1\.1 503 [^]*the daemon is stopping/)
})
