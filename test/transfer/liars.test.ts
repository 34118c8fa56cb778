import { test } from '../serial.ts'
import { equal } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { planPieces } from '../../src/hash/proof/piece-plan.ts'
import { encodeHeader } from '../../src/hash/tree/tree.ts'
import type { ByteRange } from '../../src/hash/tree/tree.ts'
import { GIB, GROUP_BYTES, MIB, PIECE_BYTES } from '../../src/limits.ts'
import type { TransferChannel } from '../../src/transfer/transfer-channel.ts'
import { fetchPieces } from '../../src/transfer/fetch.ts'
import { pattern } from '../hash/sizes.ts'
import { encodePieces, fails, sample, scripted, sendPieces } from './ends.ts'

const VALUE = sample(pattern(PIECE_BYTES + 10 * GROUP_BYTES + 100))
const OTHER = sample(VALUE.bytes.map((byte) => 255 - byte))
const WHOLE: ByteRange = { start: 0, end: VALUE.size }

const TRUTH = encodePieces(VALUE, WHOLE)

/** What came of the value from a holder that lies, none of it wrong; and how it ended. */
async function ask(
  script: (peer: TransferChannel) => Promise<void>,
  ranges: readonly ByteRange[] = [WHOLE],
): Promise<{ readonly provedBytes: number; readonly wrong: boolean; readonly error: unknown }> {
  const client = scripted(async (peer) => {
    await peer.expect('fetch')
    await script(peer)
  })
  const { digest, size } = VALUE
  let provedBytes = 0
  let wrong = false
  try {
    for await (const proved of fetchPieces(client, { digest, size, ranges })) {
      const { start, bytes } = proved
      provedBytes += bytes.byteLength
      wrong ||= !equal(bytes, VALUE.bytes.subarray(start, start + bytes.byteLength))
    }
    return { provedBytes, wrong, error: undefined }
  } catch (error) {
    return { provedBytes, wrong, error }
  }
}

const found = { type: 'found', size: VALUE.size, held: [WHOLE] } as const

interface Lie {
  readonly what: string
  readonly script: (peer: TransferChannel) => Promise<void>
  readonly ranges?: readonly ByteRange[]
  readonly code: DstoreError['code']
}

const LIES: readonly Lie[] = [
  {
    what: 'R003-10: another value',
    code: 'integrity',
    script: async (peer) => {
      await peer.send(found)
      await sendPieces(peer, encodePieces(OTHER, WHOLE))
    },
  },
  {
    what: 'R003-10: the bytes of another value under the right tree',
    code: 'integrity',
    script: async (peer) => {
      await peer.send(found)
      await sendPieces(peer, encodePieces({ ...VALUE, bytes: OTHER.bytes }, WHOLE))
    },
  },
  {
    what: 'R003-10: the right bytes under the tree of another value',
    code: 'integrity',
    script: async (peer) => {
      await peer.send(found)
      await sendPieces(peer, encodePieces({ ...VALUE, outboard: OTHER.outboard }, WHOLE))
    },
  },
  {
    what: 'R003-10: the right bytes of a wrong range',
    code: 'integrity',
    ranges: [{ start: 0, end: GROUP_BYTES }],
    script: async (peer) => {
      await peer.send(found)
      const second = { start: GROUP_BYTES, end: 2 * GROUP_BYTES }
      await sendPieces(peer, encodePieces(VALUE, second))
    },
  },
  {
    what: 'R003-11: more than was asked for',
    code: 'protocol',
    ranges: [{ start: 0, end: GROUP_BYTES }],
    script: async (peer) => {
      await peer.send(found)
      await sendPieces(peer, TRUTH)
    },
  },
  {
    what: 'R003-9: another size in Found',
    code: 'integrity',
    script: (peer) => peer.send({ ...found, size: VALUE.size + 1 }),
  },
  {
    what: 'R003-9: another size in the slice',
    code: 'integrity',
    script: async (peer) => {
      await peer.send(found)
      const bytes = TRUTH[0]!.slice()
      bytes[0]! ^= 1
      await sendPieces(peer, [bytes])
    },
  },
  {
    what: 'R003-11: a stream without end',
    code: 'protocol',
    script: async (peer) => {
      await peer.send(found)
      for (;;) await peer.sendBytes(new Uint8Array(MIB))
    },
  },
  {
    what: 'R003-2: Found twice',
    code: 'protocol',
    script: async (peer) => {
      await peer.send(found)
      await peer.send(found)
    },
  },
  {
    what: 'R003-2: an answer of another kind',
    code: 'protocol',
    script: (peer) => peer.send({ type: 'accept', received: 0 }),
  },
  {
    what: 'a failure in the middle',
    code: 'no-space',
    script: async (peer) => {
      await peer.send(found)
      await sendPieces(peer, TRUTH.slice(0, 1))
      await peer.send({ type: 'failure', code: 'no-space', message: 'odd, but a code' })
    },
  },
  {
    what: 'the end of its side in the middle',
    code: 'unreachable',
    script: async (peer) => {
      await peer.send(found)
      await sendPieces(peer, TRUTH.slice(0, 1))
      await peer.end()
    },
  },
  {
    what: 'the end of its side within a piece',
    code: 'protocol',
    script: async (peer) => {
      await peer.send(found)
      await peer.sendPiece([TRUTH[0]!.subarray(0, 3 * GROUP_BYTES)], TRUTH[0]!.byteLength)
      await peer.end()
    },
  },
  {
    what: 'the end of its side within a proof',
    code: 'protocol',
    script: async (peer) => {
      await peer.send(found)
      await peer.sendPiece([TRUTH[0]!.subarray(0, 100)], TRUTH[0]!.byteLength)
      await peer.end()
    },
  },
  ...[-1, 1].map((more): Lie => ({
    what: `R003-42: a piece that is ${more} longer than it must be`,
    code: 'protocol',
    script: async (peer) => {
      await peer.send(found)
      await peer.send({ type: 'piece', length: TRUTH[0]!.byteLength + more })
    },
  })),
]

for (const { what, script, ranges, code } of LIES) {
  test(`a holder that sends ${what}: ${code}, and no wrong byte`, async (t) => {
    const { wrong, error } = await ask(script, ranges)
    t.is(error instanceof DstoreError ? error.code : error, code)
    t.false(wrong)
  })
}

test('R003-10: a flip of any bit of a piece is found, and what was proved before it stays', async (t) => {
  for (const [index, truth] of TRUTH.entries()) {
    for (let bit = 3; bit < truth.byteLength * 8; bit += 59_983) {
      const flipped = truth.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      const { provedBytes, wrong, error } = await ask(async (peer) => {
        await peer.send(found)
        await sendPieces(peer, TRUTH.with(index, flipped))
      })
      t.is(error instanceof DstoreError ? error.code : error, 'integrity')
      t.false(wrong)
      // All pieces before; of this one what came before a pause.
      const before = index * PIECE_BYTES
      t.true(provedBytes >= before && provedBytes <= before + (bit >> 3))
    }
  }
})

test('what comes slowly is proved group by group, before the rest of its piece', async (t) => {
  const stages: number[] = []
  const [first, ...rest] = TRUTH
  const cut = first!.byteLength - 5 * GROUP_BYTES - 1
  let goOn: (() => void) | undefined
  const client = scripted(async (peer) => {
    await peer.expect('fetch')
    await peer.send(found)
    await peer.sendPiece([first!.subarray(0, cut)], first!.byteLength)
    await new Promise<void>((resolve) => (goOn = resolve))
    await peer.channel.write(first!.subarray(cut))
    await sendPieces(peer, rest)
  })
  const { digest, size } = VALUE
  for await (const { start, bytes, isWhole } of fetchPieces(client, {
    digest,
    size,
    ranges: [WHOLE],
  })) {
    t.true(equal(bytes, VALUE.bytes.subarray(start, start + bytes.byteLength)))
    t.is(isWhole, start === PIECE_BYTES)
    stages.push(bytes.byteLength)
    goOn?.()
  }
  t.deepEqual(stages, [PIECE_BYTES - 6 * GROUP_BYTES, 6 * GROUP_BYTES, size - PIECE_BYTES])
})

test('trailing bytes after the last slice are refused with the next fetch', async (t) => {
  const client = scripted(async (peer) => {
    await peer.expect('fetch')
    await peer.send(found)
    await sendPieces(peer, TRUTH)
    await peer.sendBytes(Uint8Array.of(1))
  })
  const { digest, size } = VALUE
  const once = async (): Promise<void> => {
    for await (const proved of fetchPieces(client, { digest, size, ranges: [WHOLE] })) {
      t.truthy(proved)
    }
  }
  await once()
  await fails(t, once(), 'protocol')
})

test('a holder that stalls holds the asker until it gives up, and no longer', async (t) => {
  const stop = new DstoreError('timeout', 'nothing more came')
  const client = scripted(async (peer) => {
    await peer.expect('fetch')
    await peer.send(found)
    await peer.sendPiece([TRUTH[0]!.subarray(0, 3 * GROUP_BYTES)], TRUTH[0]!.byteLength)
    // Until the asker has taken all of it, and waits for more.
    await peer.flush()
    client.channel.abort(stop)
  })
  const { digest, size } = VALUE
  const fetching = (async () => {
    for await (const proved of fetchPieces(client, { digest, size, ranges: [WHOLE] })) {
      t.truthy(proved)
    }
  })()
  t.is(await t.throwsAsync(fetching), stop)
})

test('R003-3: a holder of a value of a huge size costs no memory', async (t) => {
  const size = 2 ** 53 - 1
  const client = scripted(async (peer) => {
    await peer.expect('fetch')
    await peer.send({ type: 'found', size, held: [{ start: 0, end: size }] })
    const [piece] = planPieces(size, { start: 0, end: size })
    const header = encodeHeader(size)
    const length = piece!.proofBytes + piece!.data.end
    await peer.sendPiece([header, new Uint8Array(length - header.byteLength)], length)
  })
  const before = process.memoryUsage()
  const ranges = [{ start: 0, end: size }]
  const fetching = (async () => {
    for await (const proved of fetchPieces(client, { digest: VALUE.digest, size, ranges })) {
      t.falsy(proved)
    }
  })()
  await fails(t, fetching, 'integrity')
  const after = process.memoryUsage()
  t.true(after.heapTotal + after.arrayBuffers - before.heapTotal - before.arrayBuffers < GIB / 16)
})
