import { test } from '../serial.ts'
import { concat, equal } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { lengthOf, planPieces } from '../../src/hash/proof/piece-plan.ts'
import { encodeHeader } from '../../src/hash/tree/tree.ts'
import { GIB, GROUP_BYTES, MIB, PIECE_BYTES } from '../../src/limits.ts'
import { serveTransfer } from '../../src/transfer/serve.ts'
import { SendWindow, type Flow } from '../../src/transfer/send-window.ts'
import { TransferChannel } from '../../src/transfer/transfer-channel.ts'
import { channelPair } from '../wire/memory-pair.ts'
import { uploadKnown, uploadStream } from '../../src/transfer/upload.ts'
import { TREE_SIZES, pattern } from '../hash/sizes.ts'
import { seededCuts } from '../wire/seeded.ts'
import {
  TestHost,
  encodePieces,
  fails,
  fetched,
  sample,
  scripted,
  sendPieces,
  served,
  streamed,
  type Sample,
} from './ends.ts'

const SIZES = [0, 1, ...TREE_SIZES, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 17]
const NOTHING = sample(new Uint8Array(0))
const VALUE = sample(pattern(PIECE_BYTES + 5 * GROUP_BYTES + 1))
const never = new AbortController().signal

function readable(value: Sample): Parameters<typeof uploadKnown>[1] {
  return {
    ...value,
    outboard: async ({ start, end }) => value.outboard.subarray(start, end),
    async *read({ start, end }) {
      for (let at = start; at < end; at += 100_000) {
        yield value.bytes.subarray(at, Math.min(end, at + 100_000))
      }
    },
  }
}

async function* pieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length)
}

for (const size of SIZES) {
  test(`an upload of ${size} bytes arrives, known and unknown, whatever the cuts`, async (t) => {
    const value = sample(pattern(size))
    const host = new TestHost(NOTHING)
    const { client, end } = served(host, { recut: seededCuts(size) })
    const known = await uploadKnown(client, readable(value), 0, never)
    const bytes = pieces(value.bytes, 70_001)
    const stream = await uploadStream(client, streamed(bytes, value))
    t.deepEqual([known.incarnation, stream.incarnation], [7, 8])
    t.is(host.stored.length, 2)
    for (const stored of host.stored) {
      t.true(equal(stored.bytes, value.bytes) && equal(stored.outboard, value.outboard))
      t.true(equal(stored.digest, value.digest))
    }
    await client.end()
    t.is(await end, undefined)
  })
}

test('R003-123: an upload is asked for once it is accepted, and for nothing once it came', async (t) => {
  const host = new TestHost(NOTHING)
  const asked: number[] = []
  const [a, b] = channelPair({ peers: ['asker', 'giver'] })
  b.ask = (bytes) => void asked.push(bytes)
  const end = serveTransfer(new TransferChannel(b), host)
  const client = new TransferChannel(a)
  await uploadKnown(client, readable(VALUE), GROUP_BYTES, never)
  t.is(asked.length, 2)
  t.true(asked[0]! >= VALUE.size - GROUP_BYTES && asked[0]! < VALUE.size + MIB / 8)
  t.is(asked[1], 0)
  await uploadStream(client, streamed(pieces(VALUE.bytes, 70_001), VALUE))
  t.deepEqual(asked.slice(2), [Infinity, 0])
  await client.end()
  await end
  host.uploads = undefined
  const [c, d] = channelPair()
  d.ask = () => t.fail('a node that takes no values asks for none')
  const refusal = serveTransfer(new TransferChannel(d), host).catch(() => undefined)
  const refused = new TransferChannel(c)
  await fails(t, uploadKnown(refused, readable(VALUE), 0, never), 'not-permitted')
  c.abort(new Error('understood'))
  await refusal
})

test('R003-14: a node that takes no values says so', async (t) => {
  const host = new TestHost(NOTHING)
  host.uploads = undefined
  const { client, end } = served(host)
  await fails(t, uploadKnown(client, readable(VALUE), 0, never), 'not-permitted')
  client.channel.abort(new Error('understood'))
  t.is((await end)?.code, 'not-permitted')
})

/** An upload, message by message, as an honest sender would not send it. */
interface Claim {
  readonly what: string
  readonly send: (client: TransferChannel) => Promise<void>
  readonly code: DstoreError['code']
}

const { digest, size } = VALUE
const OTHER = sample(VALUE.bytes.map((byte) => byte ^ 1))
const WHOLE = { start: 0, end: size }
const PIECES = encodePieces(VALUE, WHOLE)

const CLAIMS: readonly Claim[] = [
  {
    what: 'R003-15: the bytes of another value',
    code: 'integrity',
    send: async (client) => {
      await client.send({ type: 'upload', digest, size, start: 0 })
      await sendPieces(client, encodePieces(OTHER, WHOLE))
    },
  },
  {
    what: 'R003-15: a size that is larger, the first piece being as long',
    code: 'integrity',
    send: async (client) => {
      await client.send({ type: 'upload', digest, size: size + 1, start: 0 })
      await sendPieces(client, PIECES.slice(0, 1))
    },
  },
  {
    what: 'R003-42: a piece that is shorter than it must be',
    code: 'protocol',
    send: async (client) => {
      await client.send({ type: 'upload', digest, size, start: 0 })
      await sendPieces(client, PIECES.slice(1))
    },
  },
  {
    what: 'R003-11: a size that is smaller',
    code: 'protocol',
    send: async (client) => {
      await client.send({ type: 'upload', digest, size: GROUP_BYTES, start: 0 })
      await sendPieces(client, PIECES)
    },
  },
  {
    what: 'R003-15: another digest at the end',
    code: 'protocol',
    send: async (client) => {
      await client.send({ type: 'upload', digest, size, start: 0 })
      await sendPieces(client, PIECES)
      await client.send({ type: 'finish', digest: OTHER.digest, size })
    },
  },
  {
    what: 'R003-15: another size at the end',
    code: 'protocol',
    send: async (client) => {
      await client.send({ type: 'upload', digest, size, start: 0 })
      await sendPieces(client, PIECES)
      await client.send({ type: 'finish', digest, size: size + 1 })
    },
  },
  {
    what: 'R003-2: the end before the last byte',
    code: 'protocol',
    send: async (client) => {
      await client.send({ type: 'upload', digest, size, start: 0 })
      await sendPieces(client, PIECES.slice(0, 1))
      await client.send({ type: 'finish', digest, size })
    },
  },
  {
    what: 'R003-11: bytes after the last',
    code: 'protocol',
    send: async (client) => {
      await client.send({ type: 'upload', digest, size, start: 0 })
      await sendPieces(client, PIECES)
      await sendPieces(client, PIECES)
    },
  },
  {
    what: 'R003-16: a stream under another digest',
    code: 'integrity',
    send: async (client) => {
      await client.send({ type: 'upload', digest: undefined, size: 0, start: 0 })
      await client.sendBytes(VALUE.bytes)
      await client.send({ type: 'finish', digest: OTHER.digest, size })
    },
  },
  {
    what: 'R003-16: a stream under another size',
    code: 'integrity',
    send: async (client) => {
      await client.send({ type: 'upload', digest: undefined, size: 0, start: 0 })
      await client.sendBytes(VALUE.bytes)
      await client.send({ type: 'finish', digest, size: size - 1 })
    },
  },
  {
    what: 'R003-3: a value of 2^53 - 1 bytes that does not come',
    code: 'integrity',
    send: async (client) => {
      const huge = 2 ** 53 - 1
      await client.send({ type: 'upload', digest, size: huge, start: 0 })
      const [piece] = planPieces(huge, { start: 0, end: huge })
      await sendPieces(client, [concat([encodeHeader(huge), new Uint8Array(lengthOf(piece!) - 8)])])
    },
  },
  {
    what: 'R003-2: a fetch in the middle',
    code: 'protocol',
    send: async (client) => {
      await client.send({ type: 'upload', digest, size, start: 0 })
      await client.send({ type: 'fetch', digest, ranges: [] })
    },
  },
  {
    what: 'a failure of its own source',
    code: 'unreadable',
    send: async (client) => {
      await client.send({ type: 'upload', digest: undefined, size: 0, start: 0 })
      await client.sendBytes(VALUE.bytes)
      await client.send({ type: 'failure', code: 'unreadable', message: 'the disk is gone' })
    },
  },
]

for (const { what, send, code } of CLAIMS) {
  test(`R003-19: ${what} ends an upload with ${code}, and nothing is stored`, async (t) => {
    const host = new TestHost(NOTHING)
    const { client, end } = served(host)
    const before = process.memoryUsage().arrayBuffers
    // Whoever refuses what comes does not take the rest of it.
    send(client).catch(() => undefined)
    await client.expect('accept')
    await fails(t, client.expect('stored'), code)
    client.channel.abort(new Error('understood'))
    t.is((await end)?.code, code)
    t.deepEqual(host.stored, [])
    t.true(process.memoryUsage().arrayBuffers - before < GIB / 16)
  })
}

test('R003-14: a peer that may not store values is refused before it sends any', async (t) => {
  const host = new TestHost(NOTHING)
  const refuse = (): void => {
    throw new DstoreError('not-permitted', 'readers may not put')
  }
  host.uploads = { ...host.uploads!, check: refuse }
  for (const start of [0, GROUP_BYTES]) {
    const { client, end } = served(host)
    const { digest, size } = VALUE
    await client.send({ type: 'upload', digest, size, start })
    await fails(t, client.expect('accept'), 'not-permitted')
    client.channel.abort(new Error('understood'))
    t.is((await end)?.code, 'not-permitted')
  }
})

test('R003-15: an upload begins at a group within the value, and at 0 without a digest', async (t) => {
  const { digest, size } = VALUE
  for (const offer of [
    { digest, size, start: 1 },
    { digest, size, start: GROUP_BYTES + 1 },
    { digest, size: GROUP_BYTES, start: GROUP_BYTES },
    { digest: undefined, size, start: GROUP_BYTES },
  ]) {
    const { client, end } = served(new TestHost(NOTHING))
    await client.send({ type: 'upload', ...offer })
    await fails(t, client.expect('accept'), 'protocol')
    client.channel.abort(new Error('understood'))
    t.is((await end)?.code, 'protocol')
  }
})

test('R003-19: a link cut anywhere leaves nothing, and both ends know', async (t) => {
  const value = sample(pattern(20 * GROUP_BYTES + 5))
  for (let cutAfterBytes = 1; cutAfterBytes < value.size; cutAfterBytes += 9973) {
    const host = new TestHost(NOTHING)
    const { client, end } = served(host, { cutAfterBytes })
    await fails(t, uploadKnown(client, readable(value), 0, never), 'unreachable')
    t.is((await end)?.code, 'unreachable')
    t.deepEqual(host.stored, [])
  }
})

test('R003-18: a refusal in the middle stops the sender, with its reason', async (t) => {
  const host = new TestHost(NOTHING)
  host.roomBytes = 3 * MIB
  const { client, end } = served(host)
  let sent = 0
  const endless = (async function* () {
    for (;;) {
      sent += MIB
      yield new Uint8Array(MIB)
    }
  })()
  await fails(t, uploadStream(client, streamed(endless, VALUE)), 'no-space')
  t.true(sent < 16 * MIB, `${sent} bytes were read of the source`)
  t.is((await end)?.code, 'no-space')
})

test('a source that fails in the middle fails the upload, and frees the receiver at once', async (t) => {
  const host = new TestHost(NOTHING)
  const { client, end } = served(host)
  const failing = (async function* () {
    yield new Uint8Array(MIB)
    throw new DstoreError('unreadable', 'the disk is gone')
  })()
  await fails(t, uploadStream(client, streamed(failing, VALUE)), 'unreadable')
  // As whoever lent the channel does with one whose work failed.
  client.channel.abort(new Error('the work failed'))
  t.is((await end)?.code, 'unreachable')
  t.deepEqual(host.stored, [])
})

/** A Global that accepts an upload, and then says what has arrived of it as it likes. */
const saying = (
  script: (peer: TransferChannel) => Promise<void>,
): { readonly client: TransferChannel; readonly flow: Flow } => ({
  client: scripted(async (peer) => {
    await peer.next()
    await peer.send({ type: 'accept', received: 0 })
    await script(peer)
  }),
  flow: new SendWindow(() => 0).open(() => undefined),
})

for (const [what, said] of Object.entries({
  'more than was sent': [2 * VALUE.size],
  'less than before': [20, 10],
  'nothing more': [20, 20],
})) {
  test(`R003-117: a receiver that acknowledges ${what} ends the upload with protocol`, async (t) => {
    const { client, flow } = saying(async (peer) => {
      await peer.next()
      for (const bytes of said) await peer.send({ type: 'received', bytes })
    })
    await fails(t, uploadKnown(client, readable(VALUE), 0, never, { flow }), 'protocol')
    t.true(client.channel.signal.aborted)
  })
}

test('R003-117: a receipt after the result breaks the protocol of the next exchange', async (t) => {
  const { client, flow } = saying(async (peer) => {
    await peer.send({ type: 'stored', incarnation: 1, existed: true })
    await peer.send({ type: 'received', bytes: 1 })
    await peer.send({ type: 'found', size, held: [] })
  })
  const value = readable(sample(pattern(8)))
  t.true((await uploadKnown(client, value, 0, never, { flow })).existed)
  await fails(t, fetched(client, { digest, size, ranges: [] }), 'protocol')
})
