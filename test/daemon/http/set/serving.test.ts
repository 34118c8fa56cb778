import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../../../src/errors.ts'
import { SOCKET_ACCESS } from '../../../../src/daemon/http/access.ts'
import { createApiServer } from '../../../../src/daemon/http/server.ts'
import type { Serving } from '../../../../src/daemon/http/set/serving.ts'
import { SILENT } from '../../../../src/log.ts'
import { FakeNode } from '../../fake-node.ts'
import { ask, contextOf, type Answer } from '../../serving.ts'
import { test } from '../../../serial.ts'

/** A server of a member whose lease the test gives and takes. */
async function serving(t: ExecutionContext) {
  const node = new FakeNode()
  const lease = {
    may: true,
    ok: () => undefined as void,
    fail: undefined as ((why: Error) => void) | undefined,
  }
  let refusal: DstoreError | undefined
  let waits = 0
  let freshened = 0
  const handOver = {
    mayServe: () => lease.may,
    serving: () =>
      new Promise<void>((ok, fail) => {
        waits++
        lease.ok = ok
        lease.fail = fail
      }),
  }
  const member: Serving = {
    get refusal() {
      return refusal
    },
    get handOver() {
      return refusal === undefined ? handOver : undefined
    },
    freshen: async () => void freshened++,
    stepDown: async () => undefined,
  }
  const directory = mkdtempSync(join(tmpdir(), 'dstore-serving-'))
  const socket = join(directory, 's')
  const api = createApiServer({ ...contextOf(node, socket), member }, SOCKET_ACCESS, SILENT)
  await new Promise<void>((resolve) => api.server.listen(socket, resolve))
  t.teardown(async () => {
    await api.close(10)
    rmSync(directory, { recursive: true })
  })
  const until = async (isIt: () => boolean): Promise<void> => {
    while (!isIt()) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return {
    node,
    socket,
    lease,
    freshened: () => freshened,
    waited: () => until(() => waits > 0),
    standBy: () => (refusal = new DstoreError('unreachable', 'stands by: b is active')),
  }
}

const bytes = (text: string): AsyncIterable<Uint8Array> => [Buffer.from(text)] as never

test('R012-60 who makes a ticket hears first which members there are', async (t) => {
  const { node, socket, freshened } = await serving(t)
  let before = 0
  const invite = node.members.invite.bind(node.members)
  node.members.invite = (...parameters) => {
    before = freshened()
    return invite(...parameters)
  }
  t.is((await ask(socket, 'POST', '/v1/invitations', { body: '{}' })).status, 201)
  t.is(before, 1)
})

test('R012-32 answers over HTTP wait while the member may not serve: head, body, at once', async (t) => {
  const { node, socket, lease, waited } = await serving(t)
  const { key } = await node.put({ bytes: bytes('hello') })
  const path = `/v1/values/${key.toString()}`
  t.is((await ask(socket, 'GET', path)).body.toString(), 'hello')
  lease.may = false
  const calls = [ask(socket, 'GET', path), ask(socket, 'GET', `${path}/facts`)]
  let answers: Answer[] | undefined
  const all = Promise.all(calls).then((found) => (answers = found))
  await waited()
  t.is((await ask(socket, 'GET', '/v1/status')).status, 200, 'that of this member does not wait')
  t.is((await ask(socket, 'GET', '/metrics')).status, 200)
  t.is(answers, undefined)
  lease.fail!(new DstoreError('unwritable', 'taken over'))
  await t.throwsAsync(all, { message: /hang up|ECONNRESET/ })
  t.is(answers, undefined)
})

test('R012-32 answers that waited go out whole once the member may serve', async (t) => {
  const { node, socket, lease, waited } = await serving(t)
  const { key } = await node.put({ bytes: bytes('x'.repeat(100_000)) })
  lease.may = false
  const answer = ask(socket, 'GET', `/v1/values/${key.toString()}`)
  await waited()
  lease.may = true
  lease.ok()
  const { status, body, whole } = await answer
  t.deepEqual([status, body.byteLength, whole], [200, 100_000, true])
})

test('R012-33 a standby answers of itself alone, and refuses everything else with 503', async (t) => {
  const { node, socket, standBy } = await serving(t)
  const { key } = await node.put({ bytes: bytes('hello') })
  standBy()
  const paths = [`/v1/values/${key.toString()}`, '/v1/names', '/v1/tokens', '/v1/members']
  for (const path of paths) {
    const { status, body } = await ask(socket, 'GET', path)
    const { code, detail } = JSON.parse(body.toString()) as { code: string; detail: string }
    t.deepEqual([status, code, detail], [503, 'unreachable', 'stands by: b is active'], path)
  }
  t.is((await ask(socket, 'POST', '/v1/values', { body: 'new' })).status, 503)
  t.is((await ask(socket, 'GET', '/v1/status')).status, 200)
  t.is((await ask(socket, 'POST', '/v1/set/step-down')).status, 200)
})
