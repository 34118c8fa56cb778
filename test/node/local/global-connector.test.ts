import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { encodeMessage } from '../../../src/index/codec/encode.ts'
import { RACE_MS } from '../../../src/limits.ts'
import type { PeerDialer } from '../../../src/network/network.ts'
import { globalConnector, type Greeter } from '../../../src/node/local/global-connector.ts'
import type { Channel } from '../../../src/wire/channel.ts'
import { FrameWriter } from '../../../src/wire/frame-writer.ts'
import { eventually } from '../../eventually.ts'
import { channelPair } from '../../wire/memory-pair.ts'

/** Addresses whose dials and streams a test decides, and what happens there. */
class Dials implements PeerDialer {
  readonly log: string[] = []
  readonly connected = new Map<string, () => void>()
  /** Global's end of the stream, by address. */
  readonly streams = new Map<string, Channel>()

  resolve(address: string): Promise<readonly string[]> {
    return Promise.resolve([address])
  }

  connect: PeerDialer['connect'] = (address) => {
    this.log.push(`dial ${address}`)
    // Nothing here heeds the signal: a connection may be there before it is seen.
    return new Promise((resolve) => {
      this.connected.set(address, () =>
        resolve({
          open: async () => {
            const [near, far] = channelPair({ peers: ['G', 'L'] })
            this.streams.set(address, far)
            this.log.push(`stream ${address}`)
            return near
          },
          closeOthers: () => void this.log.push(`others than ${address}`),
          close: () => void this.log.push(`close ${address}`),
        }),
      )
    })
  }

  greeter: Greeter = {
    hello: () => {
      this.log.push('hello')
      return { id: 1, body: { type: 'ping' } }
    },
    unanswered: () => void this.log.push('unanswered'),
  }

  async until(line: string): Promise<void> {
    if (!(await eventually(async () => this.log.includes(line)))) throw new Error(`no ${line}`)
  }

  answer(address: string): void {
    const writer = new FrameWriter(this.streams.get(address)!)
    void writer.send(encodeMessage({ id: 1, body: { type: 'pong', seq: 7 } }))
  }
}

const now = (): number => performance.now()
const never = new AbortController().signal

test('R004-72 a connection that loses is closed, though it was made before it was told to end', async (t) => {
  const dials = new Dials()
  const connect = globalConnector({ dialer: dials, addresses: () => ['a', 'b'], now })
  const greeted = connect(dials.greeter, never)
  const began = now()
  await dials.until('dial b')
  t.true(now() - began >= RACE_MS - 20)
  dials.connected.get('b')!()
  await dials.until('hello')
  dials.connected.get('a')!()
  await dials.until('close a')
  dials.answer('b')
  const won = await greeted
  t.deepEqual(won.answer.body, { type: 'pong', seq: 7 })
  t.deepEqual(won.target, { address: 'b', known: 'b' })
  won.welcomed()
  won.close(new DstoreError('cancelled', 'enough'))
  const log = 'dial a,dial b,stream b,hello,close a,others than b,close b'
  t.deepEqual(dials.log, log.split(','))
})

test('R004-72 where the stream breaks before the answer, the next address gets a hello of its own', async (t) => {
  const dials = new Dials()
  const connect = globalConnector({ dialer: dials, addresses: () => ['a', 'b', 'b'], now })
  const greeted = connect(dials.greeter, never)
  await dials.until('dial a')
  dials.connected.get('a')!()
  await dials.until('hello')
  dials.streams.get('a')!.abort(new DstoreError('unreachable', 'the link broke'))
  await dials.until('dial b')
  t.deepEqual(dials.log.slice(-3), ['unanswered', 'close a', 'dial b'])
  dials.connected.get('b')!()
  await dials.until('stream b')
  t.true(await eventually(async () => dials.log.filter((line) => line === 'hello').length === 2))
  dials.answer('b')
  t.is((await greeted).target?.address, 'b')
})

test('R004-75 an attempt that is not needed any longer closes its connection, and its hello is void', async (t) => {
  const dials = new Dials()
  const connect = globalConnector({ dialer: dials, addresses: () => ['a'], now })
  const stop = new AbortController()
  const greeted = t.throwsAsync(connect(dials.greeter, stop.signal), { code: 'cancelled' })
  await dials.until('dial a')
  dials.connected.get('a')!()
  await dials.until('hello')
  stop.abort(new DstoreError('cancelled', 'the node stops'))
  await greeted
  t.deepEqual(dials.log, ['dial a', 'stream a', 'hello', 'unanswered', 'close a'])
  await t.throwsAsync(connect(dials.greeter, stop.signal), { code: 'cancelled' })
})
