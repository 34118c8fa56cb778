/** A peer that sends Global anything, over channels in memory and over real connections. */
import type { ExecutionContext } from 'ava'
import { decodeMessage } from '../../src/index/codec/decode.ts'
import { encodeMessage } from '../../src/index/codec/encode.ts'
import type { Body, Hello, Message } from '../../src/index/message.ts'
import { INDEX_MESSAGE_BYTES } from '../../src/limits.ts'
import { newIdentity, peerIdOf, type Identity } from '../../src/network/identity.ts'
import { IndexDriver } from '../../src/node/global/index-driver.ts'
import { SILENT } from '../../src/log.ts'
import { createNetwork } from '../../src/network/libp2p-network.ts'
import { INDEX_PROTOCOL } from '../../src/network/network.ts'
import { Repair } from '../../src/node/global/repair.ts'
import { createMemoryStore } from '../../src/store/memory/memory.ts'
import type { Channel } from '../../src/wire/channel.ts'
import { FrameReader } from '../../src/wire/frames.ts'
import { FrameWriter } from '../../src/wire/frame-writer.ts'
import { VERSIONS } from '../../src/index/versions.ts'
import { channelPair } from '../wire/memory-pair.ts'

export async function openHost(t: ExecutionContext): Promise<IndexDriver> {
  const store = createMemoryStore()
  const repair = new Repair({ store, log: SILENT, holders: () => [] })
  const host = await IndexDriver.open({
    store,
    repair,
    log: SILENT,
    now: () => performance.now(),
    wall: Date.now,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  })
  // The host's own timers keep no process alive.
  const awake = setInterval(() => undefined, 1000)
  t.teardown(async () => {
    clearInterval(awake)
    await host.close()
  })
  return host
}

/** A Global that strangers can reach. */
export interface Meeting {
  readonly host: IndexDriver
  /** A new connection of the process of this name, which is always the same identity. */
  readonly meet: (who?: string) => Promise<Stranger>
  /** The peer id of that identity. */
  readonly peerOf: (who?: string) => string
}

const STRANGER = 'a stranger'

async function overMemory(t: ExecutionContext): Promise<Meeting> {
  const host = await openHost(t)
  return {
    host,
    peerOf: (who = STRANGER) => who,
    meet: async (who = STRANGER) => {
      await host.ask({ type: 'admit', peer: who, role: 'admin' })
      const [first, second] = channelPair({ peers: [who, 'Global'] })
      const [mine, theirs] = first.peer === who ? [second, first] : [first, second]
      void host.serve(theirs)
      return new Stranger(mine)
    },
  }
}

async function overLibp2p(t: ExecutionContext): Promise<Meeting> {
  const host = await openHost(t)
  const listen = ['/ip4/127.0.0.1/tcp/0']
  const server = await createNetwork({ identity: await newIdentity(), listen })
  t.teardown(() => server.close())
  await server.handle(INDEX_PROTOCOL, (channel) => void host.serve(channel))
  const identities = new Map<string, Identity>()
  return {
    host,
    peerOf: (who = STRANGER) => peerIdOf(identities.get(who)!),
    meet: async (who = STRANGER) => {
      const identity = identities.get(who) ?? (await newIdentity())
      identities.set(who, identity)
      await host.ask({ type: 'admit', peer: peerIdOf(identity), role: 'admin' })
      const network = await createNetwork({ identity })
      t.teardown(() => network.close())
      return new Stranger(await network.dial(server.addresses()[0]!, INDEX_PROTOCOL))
    },
  }
}

export const MEETINGS: Readonly<Record<string, (t: ExecutionContext) => Promise<Meeting>>> = {
  'in memory': overMemory,
  'over libp2p': overLibp2p,
}

export const BOOT: Uint8Array = new Uint8Array(16).fill(1)

export class Stranger {
  readonly channel: Channel
  readonly #reader: FrameReader
  readonly #writer: FrameWriter

  constructor(channel: Channel) {
    this.channel = channel
    this.#reader = new FrameReader(channel, { maxBytes: INDEX_MESSAGE_BYTES })
    this.#writer = new FrameWriter(channel)
  }

  async say(body: Body, id = 1): Promise<void> {
    await this.#writer.send(encodeMessage({ id, body }))
  }

  /** A frame of whatever bytes. */
  async shout(bytes: Uint8Array): Promise<void> {
    await this.#writer.send(bytes)
  }

  /** Bytes without a frame around them. */
  async raw(bytes: Uint8Array): Promise<void> {
    await this.#writer.raw(bytes)
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

  /** The last that is heard before Global hangs up. */
  async last(): Promise<Message | undefined> {
    let last: Message | undefined
    for (let next = await this.hear(); next !== undefined; next = await this.hear()) last = next
    return last
  }

  async hello(fields: Partial<Omit<Hello, 'type'>> = {}): Promise<Message | undefined> {
    const rest = { position: undefined, highestSeen: 0, ticketSecret: undefined }
    await this.say({ type: 'hello', versions: VERSIONS, bootId: BOOT, ...rest, ...fields })
    return this.hear()
  }
}
