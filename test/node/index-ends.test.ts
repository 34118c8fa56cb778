import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { hash } from '../../src/hash/hasher.ts'
import type { Removal } from '../../src/index/message.ts'
import { DstoreError } from '../../src/errors.ts'
import { INDEX_MESSAGE_BYTES, REDIAL_PATIENCE_MS, SESSION_WINDOW_BYTES } from '../../src/limits.ts'
import { KnownMembers } from '../../src/membership/known-members.ts'
import { connectOver } from './connect-over.ts'
import { GlobalLink } from '../../src/node/local/global-link.ts'
import type { IndexDriver } from '../../src/node/global/index-driver.ts'
import { SILENT } from '../../src/log.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { eventually } from '../eventually.ts'
import { channelPair } from '../wire/memory-pair.ts'
import { openHost } from '../network/stranger.ts'

const now = (): number => performance.now()
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes))

/** A Local whose connection a test can cut and keep away. */
class Ends {
  readonly applied: Removal[] = []
  readonly link: GlobalLink
  readonly expelled: string[] = []
  /** Set: the link's clock stands still there. */
  nowMs: number | undefined
  readonly members: KnownMembers = new KnownMembers((peer) => void this.expelled.push(peer))
  away = false
  isMember = true
  dials = 0
  /** What the Local's end was asked for, call by call, and what Global's end allows. */
  readonly asked: number[] = []
  readonly allowed: number[] = []
  #channel: Channel | undefined

  constructor(t: ExecutionContext, host: IndexDriver, peer: string, backoffMs = 20) {
    this.link = new GlobalLink({
      connect: connectOver(async () => {
        this.dials++
        if (this.isMember) await host.ask({ type: 'admit', peer, role: 'admin' })
        if (this.away) throw new DstoreError('unreachable', 'kept away')
        const [local, global] = channelPair({ peers: [peer, 'Global'] })
        // Each end sees the other as its peer.
        const [near, far] = global.peer === peer ? [local, global] : [global, local]
        void host.serve(Object.assign(far, { allow: (bytes: number) => this.allowed.push(bytes) }))
        this.#channel = Object.assign(near, { ask: (bytes: number) => this.asked.push(bytes) })
        return this.#channel
      }),
      backoffMs: () => backoffMs,
      members: this.members,
      log: SILENT,
      now: () => this.nowMs ?? now(),
      random,
    })
    this.link.attach({
      apply: (removals) => void this.applied.push(...removals),
      reset: () => [],
      verified: () => undefined,
      cut: () => undefined,
    })
    t.teardown(() => this.link.close())
  }

  cut(): void {
    this.away = true
    this.#channel?.abort(new Error('cut'))
  }
}

const VALUE = Uint8Array.of(1, 2, 3)
const { digest: DIGEST } = hash(VALUE)
const remove = (timeoutMs: number) =>
  ({ type: 'remove', digest: DIGEST, timeoutMs, force: false }) as const

test('R004-21: a Local that is away is named as owing, and applies the removal before it may serve', async (t) => {
  const host = await openHost(t)
  const local = new Ends(t, host, 'a Local')
  const other = new Ends(t, host, 'another')
  await local.link.start()
  await other.link.start()
  await host.ask({ type: 'put', values: [VALUE], name: undefined })
  local.cut()
  await eventually(() => local.link.status.state === 'away')
  const { owed, acknowledged, seq } = await host.ask(remove(500))
  t.deepEqual([owed, acknowledged], [['a Local'], ['another']])
  t.is(
    await local.link.checkFreshness(),
    'stale',
    'while Global is away it may serve what it holds',
  )
  const again = host.ask(remove(30_000))
  local.away = false
  await eventually(async () => (await local.link.checkFreshness()) === 'serve')
  t.is(local.applied.length, 1)
  t.deepEqual(await again, {
    ...(await host.ask(remove(30_000))),
    acknowledged: ['a Local', 'another'],
    owed: [],
    seq,
  })
})

test('R003-134 a Local asks for the answer of each call, up to a limit, and for no more after it', async (t) => {
  const host = await openHost(t)
  const local = new Ends(t, host, 'a Local')
  await local.link.start()
  t.is(local.asked.at(-1), 0)
  const list = () => local.link.ask({ type: 'list', after: undefined, limit: 1 })
  const one = list()
  t.is(local.asked.at(-1), INDEX_MESSAGE_BYTES)
  const many = [one, ...Array.from({ length: 9 }, list)]
  t.is(local.asked.at(-1), SESSION_WINDOW_BYTES)
  await Promise.all(many)
  t.is(local.asked.at(-1), 0)
})

test('R003-135 Global allows its members a window for requests, and no stranger', async (t) => {
  const host = await openHost(t)
  const local = new Ends(t, host, 'a Local')
  await local.link.start()
  await local.link.ask({ type: 'list', after: undefined, limit: 1 })
  t.true(local.allowed.length > 0 && local.allowed.every((one) => one === SESSION_WINDOW_BYTES))
  const stranger = new Ends(t, host, 'a stranger', 3_600_000)
  stranger.isMember = false
  t.like(await stranger.link.start(), { code: 'not-permitted' })
  t.deepEqual(stranger.allowed, [])
})

test('R004-23: a goodbye leaves nothing owed', async (t) => {
  const host = await openHost(t)
  const local = new Ends(t, host, 'a Local')
  await local.link.start()
  await host.ask({ type: 'put', values: [VALUE], name: undefined })
  await local.link.close()
  t.deepEqual((await host.ask(remove(30_000))).owed, [])
})

test('R004-28: a Global that is back answers what is asked then, however long its Local would have waited', async (t) => {
  const host = await openHost(t)
  const local = new Ends(t, host, 'a Local', 3_600_000)
  await local.link.start()
  local.cut()
  await eventually(() => local.link.status.state === 'away')
  local.away = false
  const { items } = await local.link.ask({ type: 'list', after: undefined, limit: 1 })
  t.deepEqual(items, [])
  t.is(local.dials, 2)
})

test('R004-28: many that ask while Global is away make its Local dial once, and all are told', async (t) => {
  const host = await openHost(t)
  const local = new Ends(t, host, 'a Local', 3_600_000)
  await local.link.start()
  local.cut()
  await eventually(() => local.link.status.state === 'away')
  local.nowMs = now() + REDIAL_PATIENCE_MS
  const ask = () => local.link.ask({ type: 'list', after: undefined, limit: 1 })
  for (let round = 0; round < 2; round++) {
    const errors = await Promise.all(
      Array.from({ length: 100 }, async () => t.throwsAsync(ask(), { instanceOf: DstoreError })),
    )
    t.true(errors.every(({ code, message }) => code === 'unreachable' && /kept away/.test(message)))
  }
  t.is(local.dials, 2, 'the second round comes too soon after the first')
  const signal = AbortSignal.abort()
  await t.throwsAsync(local.link.ask({ type: 'list', after: undefined, limit: 1 }, { signal }), {
    message: 'cancelled',
  })
})
