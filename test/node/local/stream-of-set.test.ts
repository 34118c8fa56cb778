/** Streams to a set whose active member is gone in the middle: the next one knows nothing of it. */
import { test } from '../../serial.ts'
import { concat, equal } from '../../../src/bytes.ts'
import { deadline } from '../../../src/deadline.ts'
import { DstoreError } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { MIB } from '../../../src/limits.ts'
import { Activity } from '../../../src/node/activity/activity.ts'
import { sendStream } from '../../../src/node/local/stream-upload.ts'
import type { ChannelPool } from '../../../src/node/swarm/channel-pool.ts'
import { SendWindow, type Flow } from '../../../src/transfer/send-window.ts'
import type { TransferChannel } from '../../../src/transfer/transfer-channel.ts'
import { pattern } from '../../hash/sizes.ts'

interface Offer {
  readonly id: Uint8Array
  readonly resume?: boolean
}

/** Members, of which the first acknowledges `size` bytes, and is gone. */
class Members {
  readonly offers: Offer[] = []
  stored: Uint8Array[] = []
  readonly #diesAt: number
  #isGone = false

  constructor(diesAt: number) {
    this.#diesAt = diesAt
  }

  readonly run = async <T>(
    _: string,
    __: AbortSignal,
    send: (transfer: TransferChannel) => Promise<T>,
  ): Promise<T> => {
    const isResumed = (): boolean => this.offers.at(-1)?.resume === true
    let sent = 0
    let stored: () => void = () => undefined
    const finished = new Promise<void>((resolve) => (stored = resolve))
    this.stored = []
    const transfer = {
      channel: { signal: new AbortController().signal, abort: () => undefined },
      onReceived: (bytes: number): void => void bytes,
      send: async (message: Offer & { type: string }) => {
        if (message.type === 'upload') this.offers.push(message)
        else stored()
      },
      expect: async (type: string) => {
        if (type === 'accept') {
          if (isResumed()) throw new DstoreError('not-found', 'there is no such upload')
          return { received: 0 }
        }
        await finished
        return { type, incarnation: 1, existed: false }
      },
      sendBytes: async (part: Uint8Array, flow: Flow) => {
        await flow.take(part.byteLength, transfer.channel.signal)
        this.stored.push(part)
        sent += part.byteLength
        transfer.onReceived(sent)
        if (this.#isGone || sent < this.#diesAt) return
        this.#isGone = true
        throw new DstoreError('unreachable', 'the connection broke')
      },
    }
    return send(transfer as unknown as TransferChannel)
  }
}

async function put(bytes: Uint8Array, diesAt: number, isOfSet: boolean): Promise<Members> {
  const members = new Members(diesAt)
  const source = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.byteLength; at += MIB) yield bytes.subarray(at, at + MIB)
  }
  const limit = deadline(10_000, 'Global took nothing more')
  let random = 0
  const options = {
    transfers: { run: members.run } as unknown as ChannelPool,
    globalPeer: 'G',
    window: new SendWindow(() => performance.now()),
    random: (length: number) => new Uint8Array(length).fill(++random),
    wasThere: true,
    activity: new Activity(),
    isOfSet,
  }
  const stream = { bytes: source(), size: undefined, identity: () => hash(bytes) }
  try {
    await sendStream(options, stream, limit)
    return members
  } finally {
    limit.clear()
  }
}

test('R012-62: a stream of which a set has acknowledged up to 16 MiB is sent again from its beginning', async (t) => {
  const bytes = pattern(20 * MIB)
  const { offers, stored } = await put(bytes, 16 * MIB, true)
  t.true(equal(concat(stored), bytes))
  t.deepEqual(
    offers.map(({ id, resume }) => [id[0], resume]),
    [
      [1, undefined],
      [1, true],
      [2, undefined],
    ],
  )
})

test('R012-62: a longer one fails as unreachable, and says what to do', async (t) => {
  const failure = await t.throwsAsync(put(pattern(20 * MIB), 17 * MIB, true), {
    instanceOf: DstoreError,
  })
  t.is(failure.code, 'unreachable')
  t.regex(failure.hint!, /repeat the put/)
})

test('R003-119: a single Global that forgot the stream fails it: what it had acknowledged is not kept', async (t) => {
  await t.throwsAsync(put(pattern(4 * MIB), 2 * MIB, false), { code: 'unreachable' })
})
