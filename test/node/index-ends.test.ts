import test, { type ExecutionContext } from 'ava'
import { hash } from '../../src/hash/hasher.ts'
import { decodeMessage } from '../../src/index/decode.ts'
import { encodeMessage } from '../../src/index/encode.ts'
import type { Body, Digest, Message, Removal } from '../../src/index/message.ts'
import { INDEX_MESSAGE_BYTES } from '../../src/limits.ts'
import { DstoreError } from '../../src/errors.ts'
import { KnownMembers } from '../../src/membership/known-members.ts'
import { GlobalLink } from '../../src/node/global-link.ts'
import { IndexHost } from '../../src/node/index-host.ts'
import { SILENT } from '../../src/node/log.ts'
import { Repair } from '../../src/node/repair.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { FrameReader } from '../../src/wire/frames.ts'
import { FrameWriter } from '../../src/wire/frame-writer.ts'
import { channelPair } from '../../src/wire/memory-pair.ts'
import { until } from './nodes.ts'

const now = (): number => performance.now()
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes))

async function openHost(t: ExecutionContext): Promise<IndexHost> {
  const store = createMemoryStore()
  const repair = new Repair({ store, log: SILENT, holders: () => [] })
  const host = await IndexHost.open({ store, repair, log: SILENT, now, random })
  t.teardown(() => host.close())
  for (const peer of ['a Local', 'another', 'a stranger']) {
    await host.ask({ type: 'admit', peer, role: 'admin' })
  }
  return host
}

/** A Local whose connection a test can cut and keep away. */
class Ends {
  readonly applied: Removal[] = []
  readonly link: GlobalLink
  readonly expelled: string[] = []
  readonly members: KnownMembers = new KnownMembers((peer) => void this.expelled.push(peer))
  away = false
  #channel: Channel | undefined

  constructor(t: ExecutionContext, host: IndexHost, peer: string) {
    this.link = new GlobalLink({
      dial: async () => {
        if (this.away) throw new DstoreError('unreachable', 'kept away')
        const [local, global] = channelPair({ peers: [peer, 'Global'] })
        // Each end sees the other as its peer.
        void host.serve(global.peer === peer ? global : local)
        this.#channel = global.peer === peer ? local : global
        return this.#channel
      },
      backoffMs: () => 20,
      members: this.members,
      log: SILENT,
      now,
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
  await until(() => local.link.status.state === 'away')
  const { owed, acknowledged, seq } = await host.ask(remove(500))
  t.deepEqual([owed, acknowledged], [['a Local'], ['another']])
  t.is(await local.link.consult(), 'stale', 'while Global is away it may serve what it holds')
  const again = host.ask(remove(30_000))
  local.away = false
  await until(async () => (await local.link.consult()) === 'serve')
  t.is(local.applied.length, 1)
  t.deepEqual(await again, {
    ...(await host.ask(remove(30_000))),
    acknowledged: ['a Local', 'another'],
    owed: [],
    seq,
  })
})

test('R004-23: a goodbye leaves nothing owed', async (t) => {
  const host = await openHost(t)
  const local = new Ends(t, host, 'a Local')
  await local.link.start()
  await host.ask({ type: 'put', values: [VALUE], name: undefined })
  await local.link.close()
  t.deepEqual((await host.ask(remove(30_000))).owed, [])
})

/** A Local that says what it likes. */
class Stranger {
  readonly #reader: FrameReader
  readonly #writer: FrameWriter

  constructor(host: IndexHost, peer = 'a stranger') {
    const [first, second] = channelPair({ peers: [peer, 'Global'] })
    const [mine, theirs] = first.peer === peer ? [second, first] : [first, second]
    void host.serve(theirs)
    this.#reader = new FrameReader(mine, { maxBytes: INDEX_MESSAGE_BYTES })
    this.#writer = new FrameWriter(mine)
  }

  async say(body: Body, id = 1): Promise<void> {
    await this.#writer.send(encodeMessage({ id, body }))
  }

  async shout(bytes: Uint8Array): Promise<void> {
    await this.#writer.send(bytes)
  }

  /** The next message that is no ping; undefined where Global has hung up. */
  async hear(): Promise<Message | undefined> {
    for (;;) {
      const frame = await this.#reader.next().catch(() => undefined)
      if (frame === undefined) return undefined
      const message = decodeMessage(frame)
      if (message.body.type !== 'ping') return message
    }
  }

  async hello(bootId: Digest = new Uint8Array(16), versions = [1]): Promise<Message | undefined> {
    const rest = { position: undefined, seen: 0, ticketSecret: undefined }
    await this.say({ type: 'hello', versions, bootId, ...rest })
    return this.hear()
  }
}

test('R004-3: no version in common is refused, with both named', async (t) => {
  const stranger = new Stranger(await openHost(t))
  const refusal = await stranger.hello(undefined, [7, 9])
  t.like(refusal?.body, { type: 'failure', code: 'incompatible' })
  t.regex((refusal!.body as { message: string }).message, /1.*7, 9/)
  t.is(await stranger.hear(), undefined)
})

const RUDE: Record<string, (stranger: Stranger) => Promise<void>> = {
  'a request before the hello': (stranger) => stranger.say(remove(1)),
  'a list before the hello': (stranger) =>
    stranger.say({ type: 'list', after: undefined, limit: 1 }),
  'an acknowledgement of what was never sent': async (stranger) => {
    await stranger.hello()
    await stranger.say({ type: 'ack', seq: 99 }, 0)
  },
  'a second hello': async (stranger) => {
    await stranger.hello()
    await stranger.hello()
  },
  'an answer': async (stranger) => {
    await stranger.hello()
    await stranger.say({ type: 'located', facts: [] })
  },
  'a feed': async (stranger) => {
    await stranger.hello()
    await stranger.say(
      { type: 'feed', after: 0, upto: 1, removals: [], unbindings: [], memberships: [] },
      0,
    )
  },
  'what is no message': async (stranger) => {
    await stranger.hello()
    await stranger.shout(Uint8Array.of(0xff, 0xff, 0xff))
  },
}

for (const [what, act] of Object.entries(RUDE)) {
  test(`R004-4: ${what} ends the session with a reason, and Global goes on`, async (t) => {
    const host = await openHost(t)
    const stranger = new Stranger(host)
    await act(stranger)
    let last: Message | undefined
    for (let next = await stranger.hear(); next !== undefined; next = await stranger.hear()) {
      last = next
    }
    if (last !== undefined) t.like(last.body, { type: 'failure', code: 'protocol' })
    await host.ask({ type: 'put', values: [VALUE], name: undefined })
    const { owed } = await host.ask(remove(300))
    t.true(owed.length <= 1)
  })
}

test('R004-21: a Local that never acknowledges makes nothing wait for ever', async (t) => {
  const host = await openHost(t)
  const stranger = new Stranger(host)
  await stranger.hello()
  await host.ask({ type: 'put', values: [VALUE], name: undefined })
  const began = Date.now()
  t.deepEqual((await host.ask(remove(300))).owed, ['a stranger'])
  t.true(Date.now() - began < 20_000)
})

test('R004-8: of one identity with one boot id the newest connection stays', async (t) => {
  const host = await openHost(t)
  const first = new Stranger(host)
  await first.hello()
  const second = new Stranger(host)
  t.like((await second.hello())?.body, { type: 'welcome' })
  t.like((await first.hear())?.body, { type: 'failure', code: 'unreachable' })
  t.is(await first.hear(), undefined)
  t.deepEqual(host.peers(), ['a stranger'])
})

test('R004-8: another boot id is refused while the older one answers, and welcome when it does not', async (t) => {
  const host = await openHost(t)
  const first = new Stranger(host)
  await first.hello()
  const second = new Stranger(host)
  const refused = second.hello(new Uint8Array(16).fill(7))
  const pings = setInterval(() => void first.say({ type: 'ping' }).catch(() => undefined), 50)
  t.like((await refused)?.body, { type: 'failure', code: 'conflict' })
  clearInterval(pings)
  const awake = setInterval(() => undefined, 1000)
  t.teardown(() => clearInterval(awake))
  const third = new Stranger(host)
  t.like((await third.hello(new Uint8Array(16).fill(8)))?.body, { type: 'welcome' })
})
