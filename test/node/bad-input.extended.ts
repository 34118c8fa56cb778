/**
 * Whatever a Local says to Global: a typed failure or a hang-up, and Global goes on
 * (specs/004-index.md).
 */
import { test } from '../serial.ts'
import { concat } from '../../src/bytes.ts'
import { hash } from '../../src/hash/hasher.ts'
import { encodeMessage } from '../../src/index/codec/encode.ts'
import type { Position, Welcome } from '../../src/index/message.ts'
import { INDEX_MESSAGE_BYTES, INLINE_VALUE_BYTES, MIB } from '../../src/limits.ts'
import { encodeLength } from '../../src/wire/frames.ts'
import { VERSIONS } from '../../src/index/versions.ts'
import { eventually } from '../eventually.ts'
import { pattern } from '../hash/sizes.ts'
import { BOOT, MEETINGS, type Stranger } from '../network/stranger.ts'

const VALUE = Uint8Array.of(1, 2, 3)
const { digest: DIGEST } = hash(VALUE)
const OTHER_BOOT = new Uint8Array(16).fill(2)
const remove = (timeoutMs: number) =>
  ({ type: 'remove', digest: DIGEST, timeoutMs, force: false }) as const
const LIST = { type: 'list', after: undefined, limit: 1 } as const
const WATCH = { type: 'watch', after: undefined, waitMs: 60_000, limit: 1 } as const
const POSITION = { runId: new Uint8Array(16), seq: 1 }

/** What is not to be said at that place, after the hello where `greeted`. */
const RUDE: Record<string, { greeted: boolean; act: (stranger: Stranger) => Promise<void> }> = {
  'a request before the hello': { greeted: false, act: (rude) => rude.say(remove(1)) },
  'a list before the hello': { greeted: false, act: (rude) => rude.say(LIST) },
  'a ping before the hello': { greeted: false, act: (rude) => rude.say({ type: 'ping' }) },
  'an acknowledgement before the hello': {
    greeted: false,
    act: (rude) => rude.say({ type: 'ack', seq: 1 }, 0),
  },
  'an acknowledgement of what was never told': {
    greeted: true,
    act: (rude) => rude.say({ type: 'ack', seq: 99 }, 0),
  },
  'an acknowledgement of less than was told': {
    greeted: true,
    act: (rude) => rude.say({ type: 'ack', seq: 0 }, 0),
  },
  'the same acknowledgement again': {
    greeted: true,
    act: async (rude) => {
      await rude.say({ type: 'ack', seq: 1 }, 0)
      await rude.say({ type: 'ack', seq: 1 }, 0)
    },
  },
  'a second hello': {
    greeted: true,
    act: (rude) =>
      rude.say({
        type: 'hello',
        versions: VERSIONS,
        bootId: BOOT,
        position: undefined,
        highestSeen: 0,
        ticketSecret: undefined,
      }),
  },
  'an answer': { greeted: true, act: (rude) => rude.say({ type: 'located', facts: [] }) },
  'a welcome': {
    greeted: true,
    act: (rude) =>
      rude.say({
        type: 'welcome',
        version: 1,
        position: POSITION,
        leaseMs: 1,
        reset: true,
        members: [],
        addresses: [],
      }),
  },
  'a feed': {
    greeted: true,
    act: (rude) =>
      rude.say(
        { type: 'feed', after: 0, upto: 1, removals: [], unbindings: [], memberships: [] },
        0,
      ),
  },
  'a failure': {
    greeted: true,
    act: (rude) => rude.say({ type: 'failure', code: 'internal', message: 'x', hint: undefined }),
  },
  'a request without an id': { greeted: true, act: (rude) => rude.say(LIST, 0) },
  'two requests under one id': {
    greeted: true,
    act: async (rude) => {
      await rude.say(WATCH, 7)
      await rude.say(WATCH, 7)
    },
  },
  'a message of no kind': { greeted: true, act: (rude) => rude.shout(new Uint8Array(0)) },
  'what is no message': {
    greeted: true,
    act: (rude) => rude.shout(Uint8Array.of(0xff, 0xff, 0xff)),
  },
  'a digest that is too short': {
    greeted: true,
    act: (rude) =>
      rude.say({ type: 'offer', digest: new Uint8Array(31), size: 1, name: undefined }),
  },
  'an oversized message': {
    greeted: true,
    act: (rude) => rude.raw(encodeLength(INDEX_MESSAGE_BYTES + 1)),
  },
  'a length that has no end': {
    greeted: true,
    act: (rude) => rude.raw(new Uint8Array(8).fill(0xff)),
  },
}

for (const [where, open] of Object.entries(MEETINGS)) {
  for (const [what, { greeted, act }] of Object.entries(RUDE)) {
    test(`R004-1 R004-2 R004-4: ${what} ends the session with a reason, ${where}`, async (t) => {
      const { host, meet } = await open(t)
      const rude = await meet()
      if (greeted) t.like((await rude.hello())?.body, { type: 'welcome' })
      await act(rude)
      t.like((await rude.last())?.body, { type: 'failure', code: 'protocol' })
      await eventually(() => host.index.peers().length === 0)
      // Others are served, and nothing waits for who was thrown out longer than it is told to.
      const polite = await meet('another')
      t.like((await polite.hello())?.body, { type: 'welcome' })
      await host.ask({ type: 'put', values: [VALUE], name: undefined })
      t.true((await host.ask(remove(100))).owed.length <= 2)
    })
  }

  test(`R004-3: no version in common is refused, with both named, ${where}`, async (t) => {
    const { meet } = await open(t)
    const stranger = await meet()
    const refusal = await stranger.hello({ versions: [7, 9] })
    t.like(refusal?.body, { type: 'failure', code: 'incompatible' })
    t.regex((refusal!.body as { message: string }).message, /1.*7, 9/)
    t.is(await stranger.hear(), undefined)
  })

  test(`R004-10 R004-11: who brings a position of another history is told to begin anew, ${where}`, async (t) => {
    const { host, meet } = await open(t)
    await host.ask({ type: 'put', values: [VALUE], name: undefined })
    const welcomed = async (
      bootId: Uint8Array,
      position?: Position,
      highestSeen = position?.seq ?? 0,
    ): Promise<Welcome> => {
      const body = (await (await meet()).hello({ bootId, position, highestSeen }))?.body
      t.is(body?.type, 'welcome')
      return body as Welcome
    }
    const { position, reset } = await welcomed(BOOT)
    t.true(reset, 'it has nowhere to go on from')
    t.false((await welcomed(BOOT, position)).reset, 'that is this history')
    const strange = { runId: new Uint8Array(16).fill(9), seq: position.seq }
    t.true((await welcomed(BOOT, strange)).reset, 'a run that never was')
    const beyond = { ...position, seq: position.seq + 1 }
    t.true((await welcomed(BOOT, beyond)).reset, 'beyond the end')
    t.true((await welcomed(BOOT, position, position.seq + 1)).reset, 'it has seen more than is')
    t.true((await welcomed(BOOT, { ...position, seq: 2 ** 53 - 1 })).reset)
  })

  test(`R004-20 R004-21: a Local that never acknowledges makes nothing wait for ever, ${where}`, async (t) => {
    const { host, meet, peerOf } = await open(t)
    await (await meet()).hello()
    await host.ask({ type: 'put', values: [VALUE], name: undefined })
    const began = Date.now()
    t.deepEqual((await host.ask(remove(300))).owed, [peerOf()])
    t.true(Date.now() - began < 20_000)
  })

  test(`R004-8: of one identity with one boot id the newest connection stays, ${where}`, async (t) => {
    const { host, meet, peerOf } = await open(t)
    const first = await meet()
    await first.hello()
    const second = await meet()
    t.like((await second.hello())?.body, { type: 'welcome' })
    await second.say({ type: 'ping' })
    t.like((await first.last())?.body, { type: 'failure', code: 'unreachable' })
    t.deepEqual(host.index.peers(), [peerOf()])
  })

  test(`R004-8: another boot id is refused while the older one answers, and welcome when it does not, ${where}`, async (t) => {
    const { meet } = await open(t)
    const first = await meet()
    await first.hello()
    const pings = setInterval(() => void first.say({ type: 'ping' }).catch(() => undefined), 50)
    const second = await meet()
    t.like((await second.hello({ bootId: OTHER_BOOT }))?.body, {
      type: 'failure',
      code: 'conflict',
    })
    clearInterval(pings)
    const awake = setInterval(() => undefined, 1000)
    t.teardown(() => clearInterval(awake))
    const third = await meet()
    const bootId = new Uint8Array(16).fill(3)
    t.like((await third.hello({ bootId }))?.body, { type: 'welcome' })
  })

  test(`R004-53: who asks and does not read is read no more, and let go of, ${where}`, async (t) => {
    const { host, meet } = await open(t)
    const values = Array.from({ length: 32 }, (_, i) => pattern(INLINE_VALUE_BYTES - i))
    await host.ask({ type: 'put', values, name: undefined })
    const digests = values.map((value) => hash(value).digest)
    const framed = (id: number, body: Parameters<Stranger['say']>[0]): Uint8Array => {
      const message = encodeMessage({ id, body })
      return concat([encodeLength(message.byteLength), message])
    }
    const FLOODS: Record<string, (id: number) => Uint8Array> = {
      'all values, again and again': (id) => framed(id, { type: 'locate', digests, inline: true }),
      pings: (id) => {
        const ping = framed(id, { type: 'ping' })
        return new Uint8Array(Buffer.alloc(8192 * ping.byteLength, ping))
      },
      lists: (id) => framed(id, { type: 'list', after: undefined, limit: 1024 }),
      watches: (id) => framed(id, WATCH),
    }
    await Promise.all(
      Object.entries(FLOODS).map(async ([what, flood]) => {
        const deaf = await meet(what)
        await deaf.hello()
        let sentBytes = 0
        const refused = (async () => {
          for (let id = 16; sentBytes < 64 * MIB; id++) {
            const bytes = flood(id)
            await deaf.channel.write(bytes)
            sentBytes += bytes.byteLength
          }
        })()
        await t.throwsAsync(refused, undefined, what)
        t.log(`${what}: ${(sentBytes / MIB).toFixed(1)} MiB were taken`)
        t.true(sentBytes < 16 * MIB, `${what}: ${sentBytes} bytes were taken`)
      }),
    )
    await eventually(() => host.index.peers().length === 0)
  })
}
