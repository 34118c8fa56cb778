/** When the upstream is asked again, and what stands until then. */
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'
import { Outgoing } from '../../../../src/daemon/outgoing/outgoing.ts'
import type { DoorCall } from '../../../../src/daemon/http/doors/door.ts'
import type { Key } from '../../../../src/hash/key.ts'
import type { HfFile } from '../../../../src/doors/hf/snapshot.ts'
import { Kept } from '../../../../src/doors/hf/upstream/kept.ts'
import { ReadThrough } from '../../../../src/doors/hf/upstream/read-through.ts'
import { Remote } from '../../../../src/doors/hf/upstream/remote.ts'
import { withBeats } from '../../../../src/doors/hf/upstream/beats.ts'
import { HF_AWAY_MS, HF_FRESH_MS } from '../../../../src/limits.ts'
import { SILENT } from '../../../../src/log.ts'
import type { ServedNode } from '../../../../src/node/node.ts'
import { openNode } from '../../../../src/node/open.ts'
import { test } from '../../../serial.ts'
import { bytes } from '../hf-serving.ts'
import { Imitation, refuse } from './imitation.ts'

const MEMORY = { role: 'standalone', store: 'memory', cacheBytes: 1 << 20, log: SILENT } as const

const TINY = { kind: 'models', id: 'acme/tiny' } as const

/** A request of a client as far as the read-through looks at it. */
function callOf(agent = '', beats: string[] = []): DoorCall {
  const response = Object.assign(new EventEmitter(), {
    headersSent: false,
    destroyed: false,
    writeContinue: () => beats.push('100'),
    writeProcessing: () => beats.push('102'),
  })
  const { signal } = new AbortController()
  const request = { headers: { 'user-agent': agent }, httpVersion: '1.1' }
  const rights = { mayFetch: true, maySee: () => true, reach: () => {} }
  const call = { request, response, signal, stopping: signal, ...rights }
  return call as unknown as DoorCall
}

interface Opened {
  readonly upstream: Imitation
  readonly node: ServedNode
  readonly through: () => ReadThrough
  readonly commitOf: (revision?: string) => Promise<string | undefined>
  /** Opens it again, as after a restart of the daemon. */
  readonly reopen: () => void
  readonly pass: (ms: number) => void
  readonly asked: () => number
}

async function opened(t: ExecutionContext): Promise<Opened> {
  const upstream = await Imitation.start(t)
  const node = await openNode({
    role: 'standalone',
    store: 'memory',
    cacheBytes: 1 << 20,
    log: SILENT,
  })
  t.teardown(() => node.close())
  const own = new Outgoing()
  t.teardown(() => own.close())
  let now = 0
  const open = (): ReadThrough =>
    new ReadThrough({
      remote: new Remote({ url: upstream.url, own, others: () => own }),
      kept: new Kept(node),
      log: SILENT,
      nowMs: () => now,
    })
  let through = open()
  return {
    upstream,
    node,
    through: () => through,
    reopen: () => (through = open()),
    pass: (ms) => (now += ms),
    asked: () => upstream.paths('hub', '/revision/').length,
    commitOf: async (revision = 'main') =>
      (await through.snapshot(callOf(), TINY, revision, undefined))?.commit,
  }
}

test('R010-80 a branch that moved is followed after a while, and a commit never asked for again', async (t) => {
  const { upstream, commitOf, pass, asked, reopen } = await opened(t)
  const one = upstream.commit('a', { f: { bytes: bytes('1') } })
  t.is(await commitOf(), one)
  const two = upstream.commit('b', { f: { bytes: bytes('2') } })
  pass(HF_FRESH_MS - 1)
  t.is(await commitOf(), one)
  t.is(asked(), 1)
  pass(1)
  t.is(await commitOf(), two)
  t.is(asked(), 2)
  reopen()
  t.is(await commitOf(one), one)
  t.is(await commitOf(two), two)
  t.is(asked(), 2)
  pass(HF_FRESH_MS)
  t.is(await commitOf(), two)
  t.is(upstream.paths('hub', '/tree/').length, 2, 'a commit is listed once')
})

test('R010-80 an upstream that is away is left alone for a while, also after a restart', async (t) => {
  const { upstream, commitOf, pass, asked, reopen } = await opened(t)
  const one = upstream.commit('a', { f: { bytes: bytes('1') } })
  t.is(await commitOf(), one)
  upstream.instead = (_, response) => {
    refuse(response, 503)
    return true
  }
  reopen()
  t.is(await commitOf(), one)
  t.is(asked(), 2)
  pass(HF_AWAY_MS - 1)
  t.is(await commitOf(), one)
  t.is(asked(), 2)
  upstream.instead = () => false
  const two = upstream.commit('b', { f: { bytes: bytes('2') } })
  pass(1)
  t.is(await commitOf(), two)
})

test('R010-77 a branch that the upstream no longer has is gone, and its commits are not', async (t) => {
  const { upstream, commitOf, pass } = await opened(t)
  const one = upstream.commit('a', { f: { bytes: bytes('1') } })
  t.is(await commitOf(), one)
  upstream.refs.clear()
  upstream.commits.clear()
  pass(HF_FRESH_MS)
  await t.throwsAsync(commitOf(), { message: /no such revision/ })
  t.is(await commitOf(one), one)
})

test('R010-76 a revision that is held is not asked for', async (t) => {
  const { upstream, through, commitOf } = await opened(t)
  upstream.commit('a', { f: { bytes: bytes('1') } })
  await commitOf()
  const held = await through().snapshot(callOf(), TINY, 'main', undefined)
  t.truthy(held)
  t.is(await through().snapshot(callOf(), TINY, 'main', held), undefined)
})

test('R010-71 a stored list of another commit, or another value, is fetched again', async (t) => {
  const { upstream, node, commitOf } = await opened(t)
  const one = upstream.commit('a', { f: { bytes: bytes('1') } })
  const two = upstream.commit('b', { f: { bytes: bytes('2') } })
  t.is(await commitOf(one), one)
  const at = 'hf/~upstream/acme/tiny@commits/'
  const { key } = (await node.index.lookup(`${at}${one}`))!
  await node.index.tag(`${at}${two}`, key)
  t.is(await commitOf(two), two)
  const three = upstream.commit('c', { f: { bytes: bytes('3') } })
  await node.put(
    { bytes: piece(bytes('none')) },
    { name: `${at}${three}`, naming: { kind: 'tag' } },
  )
  t.is(await commitOf(three), three)
})

async function* piece(value: Uint8Array): AsyncGenerator<Uint8Array> {
  yield value
}

test('R010-83 a file that was removed is fetched again, also if this node has not heard of it', async (t) => {
  const upstream = await Imitation.start(t)
  upstream.commit('a', { f: { bytes: bytes('1') } })
  const node = await openNode(MEMORY)
  t.teardown(() => node.close())
  const own = new Outgoing()
  t.teardown(() => own.close())
  let remembered: Key | undefined
  class Remembering extends Kept {
    override async file(...given: Parameters<Kept['file']>): ReturnType<Kept['file']> {
      const found = await super.file(...given)
      return given[2].isFresh === true ? found : (remembered ??= found)
    }
  }
  const remote = new Remote({ url: upstream.url, own, others: () => own })
  const through = new ReadThrough({ remote, kept: new Remembering(node), log: SILENT })
  const server = createServer((request, response) => {
    const call = { ...callOf(), request, response, node, query: new URLSearchParams() }
    const sent = async (): Promise<void> => {
      const snapshot = await through.snapshot(call, TINY, 'main', undefined)
      await snapshot!.send(call, (await snapshot!.at('f')) as HfFile)
    }
    sent().catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const read = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text()
  t.is(await read(), '1')
  t.is(await read(), '1')
  t.is(upstream.paths('hub', 'resolve/').length, 1)
  t.truthy(remembered)
  const names: string[] = []
  for await (const { name } of node.index.names('hf/~upstream/acme/tiny@files/')) names.push(name)
  t.is(names.length, 1)
  await node.index.unbind(names[0]!)
  t.is(await read(), '1')
  t.is(upstream.paths('hub', 'resolve/').length, 2)
})

test('R010-71 an answer that names another commit than the one asked for is refused', async (t) => {
  const { upstream, commitOf } = await opened(t)
  const one = upstream.commit('a', { f: { bytes: bytes('1') } })
  upstream.refs.set('b'.repeat(40), one)
  await t.throwsAsync(commitOf('b'.repeat(40)), { message: /no commit for acme\/tiny/ })
})

test('R010-79 Python clients are kept waiting by 100, others by nothing', async (t) => {
  const after = async (): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, 2100))
    return 7
  }
  const [python, other, wants]: [string[], string[], string[]] = [[], [], []]
  const asking = callOf('curl', wants)
  asking.request.headers['dstore-beat'] = '102'
  const results = await Promise.all([
    withBeats(callOf('unknown/None; hf_hub/2.4.0; python/3.11.7', python), after),
    withBeats(callOf('Mozilla/5.0', other), after),
    withBeats(asking, after),
  ])
  t.deepEqual(results, [7, 7, 7])
  t.deepEqual([python, other, wants], [['100'], [], ['102']])
  const impatient = withBeats(callOf('Mozilla/5.0'), after, 5)
  const error = await t.throwsAsync(impatient, { message: /ask again/ })
  t.like(error, { status: 503, headers: { 'Retry-After': '10' } })
})
