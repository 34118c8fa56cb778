/**
 * Holders that lie to a Local, and peers that lie to Global: no wrong byte passes (R003-10,
 * R003-27).
 */
import { randomBytes } from 'node:crypto'
import { test } from '../serial.ts'
import { eventually } from '../eventually.ts'
import { Shared, Target, assertUnharmed, digest, during } from './arena.ts'
import { digestOf } from './keys.ts'
import {
  LyingHolder,
  combinedFrom,
  untilClosed,
  found,
  piecesOf,
  sendPieces,
} from './lying-holder.ts'
import type { Asked, Lie } from './lying-holder.ts'
import { TRANSFER, transfer } from './messages.ts'
import type { Peer } from './peer.ts'
import { varint } from './protobuf.ts'

/** Large enough to be fetched from several holders, in several parts. */
const SIZE = 3_000_001

/** How long a lie is tried, on one value after another, until the Local asks that holder. */
const TRYING_MS = 90_000

const shared = new Shared()
let global: Target
let healthy: Target

test.before(async () => {
  global = await Target.global(shared)
  healthy = await Target.local(shared, global)
})
test.after.always(() => shared.end())

/**
 * A holder whose answers are right, except for what `alter` makes of the first piece of a slice.
 */
function altered(alter: (piece: Buffer, asked: Asked) => Uint8Array): Lie {
  return async (asked) => {
    await asked.line.send(found(asked.size))
    for (const range of asked.ranges) {
      const [first, ...rest] = asked.pieces(range)
      await sendPieces(asked.line, alter(Buffer.from(first!), asked), ...rest)
    }
  }
}

const flipped = (piece: Buffer, at: number): Buffer => {
  piece[at]! ^= 1
  return piece
}

interface Case {
  readonly lie: Lie
  /** The error that the Local logs once; undefined if the holder says nothing false. */
  readonly code: 'integrity' | 'protocol' | undefined
}

/** The combined form of a value of the same size. */
let another: Uint8Array

const CASES: Readonly<Record<string, Case>> = {
  'the last byte is another': {
    lie: altered((piece) => flipped(piece, piece.byteLength - 1)),
    code: 'integrity',
  },
  'a byte in the first group is another': {
    // The last of the piece's bytes that a span can hold.
    lie: altered((piece) => flipped(piece, Math.max(0, piece.byteLength - (1 << 20)))),
    code: 'integrity',
  },
  'a pair of the proof is another': {
    lie: altered((piece) => flipped(piece, 8)),
    code: 'integrity',
  },
  'the right bytes of another range': {
    lie: altered((honest, { ranges, pieces }) => {
      const { start, end } = ranges[0]!
      const elsewhere = start === 0 ? 1 << 20 : 0
      const [there] = pieces({ start: elsewhere, end: elsewhere + end - start })
      return Buffer.concat([there!, honest]).subarray(0, honest.byteLength)
    }),
    code: 'integrity',
  },
  'the proof and the bytes of another value': {
    lie: altered((_, { ranges }) => piecesOf(another, ranges[0]!)[0]!),
    code: 'integrity',
  },
  'the size in the slice is another': {
    lie: altered((piece) => flipped(piece, 0)),
    code: 'integrity',
  },
  'the size that is said is another': {
    lie: async ({ line, size }) => line.send(found(size + 1)),
    code: 'integrity',
  },
  'the size is 2^53 - 1': {
    lie: async ({ line }) => line.send(found(Number.MAX_SAFE_INTEGER)),
    code: 'integrity',
  },
  'bytes beyond what was asked for, without end': {
    lie: async ({ line, size, ranges, pieces }) => {
      await line.send(found(size))
      await sendPieces(line, ...pieces(ranges[0]!))
      await untilClosed(line, 0, () => sendPieces(line, randomBytes(1 << 18)))
    },
    code: 'protocol',
  },
  'a piece of 4 GiB is announced': {
    lie: async ({ line, size }) => {
      await line.send(found(size))
      await line.send(transfer('piece', [[1, 0xffff_ffff]]))
      await untilClosed(line, 0, () => line.send(randomBytes(1 << 18)))
    },
    code: 'protocol',
  },
  'a frame of 2^60 bytes is announced': {
    lie: async ({ line }) => {
      await line.send(varint(2n ** 60n))
      await untilClosed(line, 0, () => line.send(randomBytes(1 << 18)))
    },
    code: 'protocol',
  },
  'a frame of a negative length': {
    lie: async ({ line }) => line.send(varint(-1n)),
    code: 'protocol',
  },
  'random bytes': { lie: async ({ line }) => line.send(randomBytes(100_000)), code: 'protocol' },
  'a message that is none': {
    lie: async ({ line }) => line.send(Uint8Array.of(2, 0xff, 0xff)),
    code: 'protocol',
  },
  'an answer to something else': {
    lie: async ({ line }) => line.send(transfer('stored', [[1, 7]])),
    code: 'protocol',
  },
  'half of a piece, and then nothing': {
    lie: async ({ line, size, ranges, pieces }) => {
      const [honest] = pieces(ranges[0]!)
      await line.send(found(size))
      await line.send(transfer('piece', [[1, honest!.byteLength]]))
      await line.send(honest!.subarray(0, 50_000))
      await line.closed
    },
    code: undefined,
  },
  nothing: { lie: async ({ line }) => line.closed, code: undefined },
  'that it holds everything, and then that it does not': {
    lie: async ({ line }) =>
      line.send(
        transfer('failure', [
          [1, 'not-found'],
          [2, 'not any more'],
        ]),
      ),
    code: undefined,
  },
  'one byte a second': {
    lie: async ({ line, size, ranges, pieces }) => {
      const [honest] = pieces(ranges[0]!)
      await line.send(found(size))
      await line.send(transfer('piece', [[1, honest!.byteLength]]))
      let at = 0
      await untilClosed(line, 1000, () => line.send(honest!.subarray(at, (at += 1))))
    },
    code: undefined,
  },
  'the end of the stream': {
    lie: async ({ line }) => {
      await line.stream.close()
    },
    code: undefined,
  },
}

test('R003-10 R003-26 R003-27 a Local gets the value whatever a holder sends, and knows which one lied', async (t) => {
  const victim = await Target.local(t, global)
  const anotherKey = await global.put(randomBytes(SIZE))
  const honest = await global.member(t)
  another = await combinedFrom(honest, global.address, digestOf(anotherKey), SIZE)
  const left = Object.entries(CASES)
  const tryLies = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [name, { lie, code }] = next
      const holder = await LyingHolder.start(t, global, lie)
      const told = (): string[] => victim.lines('a peer gave what is not true', holder.peer.id)
      const isCaught = (): boolean => (code === undefined ? holder.asked > 0 : told().length > 0)
      // A slow liar may not be asked, because others gave everything: then it lies again.
      let values = 0
      for (const end = performance.now() + TRYING_MS; !isCaught(); values++) {
        if (performance.now() > end) break
        const value = randomBytes(SIZE)
        const key = await global.put(value)
        await holder.hold(digestOf(key), SIZE)
        const got = await victim.call('GET', `/v1/values/${key}`)
        t.is(got.status, 200, `${name}: ${got.body.subarray(0, 200).toString()}`)
        t.is(digest(got.body), digest(value), name)
        await victim.call('POST', `/v1/values/${key}/evict`)
      }
      t.true(isCaught(), `${name}: ${values} values`)
      const lies = async (): Promise<number> => {
        const { traffic } = await victim.status()
        return traffic.find(({ peer }) => peer === holder.peer.id)?.lies ?? 0
      }
      t.true(await eventually(async () => told().length === (await lies())), name)
      if (code === undefined) t.deepEqual(told(), [], name)
      t.true(told().length <= values, `${name}: ${told().join('\n')}`)
      for (const line of told()) t.true(line.includes(`code=${code}`), `${name}: ${line}`)
    }
  }
  // Some at a time: the machine may be slow, and handshakes and answers have time limits.
  const watched = await during(victim, healthy, () =>
    Promise.all(Array.from({ length: 7 }, tryLies)),
  )
  assertUnharmed(t, victim, watched)
  t.is(await victim.damaged(), 0)
})

test('R003-15 R003-16 R003-19 a peer that uploads false values stores nothing', async (t) => {
  const peer = await global.member(t)
  const values = await global.values()
  const value = randomBytes(100_000)
  const absent = randomBytes(32)
  const uploads: [name: string, code: string | undefined, frames: Uint8Array[]][] = [
    [
      'another digest at the end',
      'integrity',
      [
        transfer('upload', [[2, value.byteLength]]),
        piece(value),
        transfer('finish', [
          [1, absent],
          [2, value.byteLength],
        ]),
      ],
    ],
    [
      'another size at the end',
      'integrity',
      [
        transfer('upload', [[2, value.byteLength]]),
        piece(value),
        transfer('finish', [
          [1, absent],
          [2, value.byteLength + 1],
        ]),
      ],
    ],
    [
      'a slice that is none',
      'integrity',
      [
        transfer('upload', [
          [1, absent],
          [2, value.byteLength],
        ]),
        // Seven groups have six parents; a header goes before them.
        piece(Buffer.concat([randomBytes(8 + 6 * 64), value])),
      ],
    ],
    [
      'a slice of another size',
      'integrity',
      [
        transfer('upload', [
          [1, absent],
          [2, value.byteLength],
        ]),
        piece(Buffer.concat([size(value.byteLength + 1), randomBytes(6 * 64), value])),
      ],
    ],
    [
      'a slice that is cut otherwise',
      'protocol',
      [
        transfer('upload', [
          [1, absent],
          [2, 2 ** 50],
        ]),
        piece(value),
      ],
    ],
    [
      'from the middle of nothing',
      'busy',
      [
        transfer('upload', [
          [1, absent],
          [2, 10_000_000],
          [3, 16_384 * 100],
        ]),
      ],
    ],
    [
      'from between two groups',
      'protocol',
      [
        transfer('upload', [
          [1, absent],
          [2, 10_000_000],
          [3, 1],
        ]),
      ],
    ],
    ['pieces of nothing', 'protocol', [transfer('upload', [[2, 5]]), transfer('piece', [[1, 0]])]],
    [
      'the answer of the one who takes',
      'protocol',
      [transfer('upload', [[2, 5]]), transfer('stored', [[1, 1]])],
    ],
    ['and breaks off', undefined, [transfer('upload', [[2, 5]]), piece(value).subarray(0, 50_000)]],
    [
      'a name that is a key',
      'usage',
      [
        transfer('upload', [
          [2, 5],
          [4, 'bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi'],
        ]),
        piece(value),
      ],
    ],
  ]
  const watched = await during(global, healthy, async () => {
    for (const [name, code, frames] of uploads) {
      const line = await peer.open(global.address, TRANSFER)
      for (const one of frames) await line.send(one).catch(() => undefined)
      if (code === undefined) {
        line.stream.abort(new Error('gone'))
        continue
      }
      const told = await answerOf(line)
      t.is(told, code, name)
    }
  })
  t.is(await global.values(), values + watched.done)
  t.is(await global.damaged(), 0)
  assertUnharmed(t, global, watched)
})

function size(bytes: number): Buffer {
  const header = Buffer.alloc(8)
  header.writeBigUInt64LE(BigInt(bytes))
  return header
}

const piece = (bytes: Uint8Array): Buffer =>
  Buffer.concat([transfer('piece', [[1, bytes.byteLength]]), bytes])

/** The code of the failure that ends it. */
async function answerOf(line: Awaited<ReturnType<Peer['open']>>): Promise<string> {
  for (;;) {
    const message = await line.transfer()
    if (message === undefined) return 'the stream ended'
    if (message.kind === 'failure')
      return Buffer.from(message.fields.get(1)![0] as Uint8Array).toString()
    if (message.kind !== 'accept' && message.kind !== 'received') return message.kind
  }
}
