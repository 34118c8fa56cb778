import { eventually } from '../../eventually.ts'
import { test } from '../../serial.ts'
import { channelPair } from '../../wire/memory-pair.ts'
import {
  IDLE_TRANSFER_CHANNELS,
  LANE_KEYS_PER_PEER,
  LANE_KEY_MS,
  LANE_RETRY_MS,
} from '../../../src/limits.ts'
import { LaneNetwork } from '../../../src/network/lane/lane-network.ts'
import { LaneChannel } from '../../../src/network/lane/lane-channel.ts'
import { SILENT } from '../../../src/log.ts'
import { ChannelPool } from '../../../src/node/swarm/channel-pool.ts'
import type { Channel } from '../../../src/wire/channel.ts'
import { now, random } from '../../network/lane/lanes.ts'
import {
  LOOPBACK,
  closeAll,
  closing,
  connected,
  offered,
  patience,
} from '../../network/lane/lane-site.ts'

test.afterEach.always(closeAll)

const BULK = '/dstore/test-bulk/1'

interface Case {
  /** The next transfer, which does nothing: the channel that it was given. */
  readonly transfer: () => Promise<Channel>
  /** Until its keys are forgotten, the server has no lane for the client. */
  readonly takeAllKeys: () => Promise<void>
  /** Lets time pass, in milliseconds. */
  readonly pass: (ms: number) => void
  /** What the client logged of lanes that it did not get. */
  readonly failures: readonly string[]
}

/** A client with a pool, and a server with lanes or without. */
async function between(lanes: boolean): Promise<Case> {
  let passedMs = 0
  const clock = (): number => now() + passedMs
  const { server, client } = await connected()
  const failures: string[] = []
  const log = { ...SILENT, info: (message: string) => void failures.push(message) }
  const parts = { bulk: BULK, log, now: clock, random }
  const giving = new LaneNetwork({ ...parts, network: server, listen: lanes ? [LOOPBACK] : [] })
  const asking = new LaneNetwork({ ...parts, network: client, listen: [] })
  closing.push(
    () => giving.close(),
    () => asking.close(),
  )
  await giving.handle(BULK, () => undefined)
  const pool = new ChannelPool({
    open: (peer, signal) => asking.open(peer, BULK, { signal }),
    canReuse: (channel) => asking.canReuse(channel),
  })
  return {
    transfer: () => pool.run(server.peerId, patience(), async ({ channel }) => channel),
    takeAllKeys: async () => {
      for (let i = 0; i < LANE_KEYS_PER_PEER; i++) await offered({ client, server })
    },
    pass: (ms) => (passedMs += ms),
    failures,
  }
}

test('R003-114 a lane is kept for the next transfer', async (t) => {
  const { transfer } = await between(true)
  let lane = await transfer()
  await eventually(async () => (lane = await transfer()) instanceof LaneChannel)
  t.is(await transfer(), lane)
})

test('R003-114 a stream that stands in for a lane is kept only until there is one', async (t) => {
  const { transfer, takeAllKeys, pass } = await between(true)
  await takeAllKeys()
  t.false((await transfer()) instanceof LaneChannel)
  pass(LANE_KEY_MS)
  await eventually(async () => (await transfer()) instanceof LaneChannel)
  t.true((await transfer()) instanceof LaneChannel)
})

test('R003-114 where there are no lanes a stream is kept until they are asked for again', async (t) => {
  const { transfer, pass, failures } = await between(false)
  const stream = await transfer()
  t.is(await transfer(), stream)
  await eventually(() => failures.length === 1)
  t.is(await transfer(), stream)
  pass(LANE_RETRY_MS - 1000)
  t.is(await transfer(), stream)
  pass(1000)
  t.not(await transfer(), stream)
})

test('idle channels to a peer are bounded, and the others ended', async (t) => {
  let opened = 0
  let ended = 0
  const pool = new ChannelPool({
    open: async () => {
      opened++
      const [local, remote] = channelPair()
      void remote.read().then(
        (bytes) => void (bytes === undefined && ended++),
        () => undefined,
      )
      return local
    },
    canReuse: () => true,
  })
  const { signal } = new AbortController()
  const transfers = async (count: number): Promise<void> => {
    let go: () => void = () => undefined
    const all = new Promise<void>((resolve) => (go = resolve))
    const running = Array.from({ length: count }, () => pool.run('G', signal, () => all))
    go()
    await Promise.all(running)
  }
  await transfers(IDLE_TRANSFER_CHANNELS + 3)
  t.is(opened, IDLE_TRANSFER_CHANNELS + 3)
  await new Promise((resolve) => setImmediate(resolve))
  t.is(ended, 3)
  await transfers(IDLE_TRANSFER_CHANNELS)
  t.is(opened, IDLE_TRANSFER_CHANNELS + 3)
})
