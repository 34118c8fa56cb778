import { test } from '../serial.ts'
import * as fc from 'fast-check'
import { create, toBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { DstoreError } from '../../src/errors.ts'
import {
  ADDRESS_CHARS,
  FETCH_RANGES,
  HOLDERS,
  HOLD_ID_BYTES,
  PIECE_BYTES,
  PROOF_BYTES,
  TEXT_CHARS,
  UPLOAD_ID_BYTES,
  SILENT_LOCALS,
  TRANSFER_MESSAGE_BYTES,
} from '../../src/limits.ts'

const LONGEST_PIECE = PIECE_BYTES + PROOF_BYTES
import { decodeMessage, encodeMessage, type Message } from '../../src/transfer/message.ts'
import { MessageSchema } from '../../src/transfer/messages_pb.ts'
import { seeded } from '../wire/seeded.ts'
import { code, count, digest, line } from '../wire/arbitraries.ts'
import { codecSuite } from '../wire/codec.ts'

/** Ascending and not overlapping: the ends of one sorted list, two by two. */
const ranges = fc
  .array(fc.tuple(count, count), { maxLength: 4 })
  .map((pairs) => pairs.flat().toSorted((a, b) => a - b))
  .map((ends) => ends.flatMap((start, i) => (i % 2 === 0 ? [{ start, end: ends[i + 1]! }] : [])))

const id = fc.uint8Array({ minLength: UPLOAD_ID_BYTES, maxLength: UPLOAD_ID_BYTES })

const hold = fc.uint8Array({ minLength: HOLD_ID_BYTES, maxLength: HOLD_ID_BYTES })

const address = line.map((text) => text.slice(0, ADDRESS_CHARS))

/** Every kind of message; the compiler sees to it that none is forgotten. */
const moved = fc.record(
  {
    previous: fc.record(
      { digest, directory: fc.constant(true as const) },
      { requiredKeys: ['digest'] },
    ),
    keptUntilMs: count,
    silent: fc.array(line, { maxLength: 3 }),
  },
  { requiredKeys: ['previous', 'silent'] },
)

const KINDS: {
  [T in Message['type']]: fc.Arbitrary<Omit<Extract<Message, { type: T }>, 'type'>>
} = {
  fetch: fc.record({ digest, ranges }),
  found: fc.record({ size: count, held: ranges }),
  upload: fc.oneof(
    fc.record({ digest, a: count, b: count }).map((any) => ({
      digest: any.digest,
      size: Math.max(any.a, any.b),
      start: Math.min(any.a, any.b),
    })),
    fc.record({ digest: fc.constant(undefined), size: count, start: fc.constant(0) }),
    fc.record({ digest: fc.constant(undefined), size: count, start: fc.constant(0), id }),
    fc.record({ digest: fc.constant(undefined), size: count, start: fc.constant(0), id, hold }),
    fc.record({ digest, size: count, start: fc.constant(0), hold }),
    fc.record({
      digest,
      size: count,
      start: fc.constant(0),
      name: line.map((text) => text.slice(0, 80)),
    }),
    fc.record({
      digest: fc.constant(undefined),
      size: count,
      start: count,
      id,
      resume: fc.constant(true),
    }),
  ),
  accept: fc.record({ received: count }),
  received: fc.record({ bytes: count }),
  piece: fc.record({ length: fc.integer({ min: 1, max: LONGEST_PIECE }) }),
  finish: fc.record({ digest, size: count }),
  stored: fc.record(
    { incarnation: count, existed: fc.boolean(), moved },
    { requiredKeys: ['incarnation', 'existed'] },
  ),
  failure: fc.record({ code, message: line }),
  join: fc.record({ digest, address: fc.option(address, { nil: undefined }) }),
  holders: fc.record({ addresses: fc.array(address, { maxLength: 5 }) }),
}

const messages = Object.entries(KINDS).map(([type, fields]) => ({
  type,
  message: (fields as fc.Arbitrary<object>).map((rest) => ({ type, ...rest }) as Message),
}))

codecSuite(messages, { encode: encodeMessage, decode: decodeMessage })

type Wire = NonNullable<MessageInitShape<typeof MessageSchema>['body']>

/** What our own encoder would never send. */
const wire = (body: Wire): Uint8Array => toBinary(MessageSchema, create(MessageSchema, { body }))

const DIGEST = new Uint8Array(32)
const LAST = BigInt(Number.MAX_SAFE_INTEGER)
const many = (length: number, start: bigint, end: bigint): [bigint, bigint][] =>
  Array.from({ length }, () => [start, end])
const fetch = (...list: readonly [bigint, bigint][]): Wire => ({
  case: 'fetch',
  value: { digest: DIGEST, ranges: list.map(([start, end]) => ({ start, end })) },
})

const REFUSED: Record<string, Wire> = {
  'R000-7: a message of no kind': { case: undefined },
  'R000-7: one range more than a fetch may name': fetch(...many(FETCH_RANGES + 1, 0n, 0n)),
  'R000-7: a reversed range': fetch([2n, 1n]),
  'R000-7: ranges that overlap': fetch([0n, 2n], [1n, 3n]),
  'R000-7: ranges out of order': fetch([5n, 6n], [1n, 2n]),
  'R000-1: a range that ends at 2^53': fetch([0n, LAST + 1n]),
  'R000-1: a value of 2^64 - 1 bytes': { case: 'found', value: { size: 2n ** 64n - 1n } },
  'R000-7: a digest of 33 bytes': { case: 'finish', value: { digest: new Uint8Array(33) } },
  'R000-7: an upload from beyond the end': { case: 'upload', value: { size: 1n, start: 2n } },
  'R003-15: a stream that begins elsewhere': { case: 'upload', value: { size: 9n, start: 2n } },
  'R003-119: an id that is too short': {
    case: 'upload',
    value: { id: new Uint8Array(UPLOAD_ID_BYTES - 1) },
  },
  'R003-119: a resumed upload without an id': { case: 'upload', value: { resume: true } },
  'R003-119: an upload with a digest and an id': {
    case: 'upload',
    value: { id: new Uint8Array(UPLOAD_ID_BYTES), digest: DIGEST },
  },
  'R003-138: a hold that is too short': {
    case: 'upload',
    value: { size: 9n, hold: new Uint8Array(HOLD_ID_BYTES - 1) },
  },
  'R003-138: a hold that is too long': {
    case: 'upload',
    value: { digest: DIGEST, size: 9n, hold: new Uint8Array(HOLD_ID_BYTES + 1) },
  },
  'R003-138: a hold of no bytes': { case: 'upload', value: { size: 9n, hold: new Uint8Array(0) } },
  'R003-138: a hold beside a name': {
    case: 'upload',
    value: { size: 9n, hold: new Uint8Array(HOLD_ID_BYTES), name: 'n' },
  },
  'R000-7: an address that is too long': {
    case: 'join',
    value: { digest: DIGEST, address: 'x'.repeat(ADDRESS_CHARS + 1) },
  },
  'R000-7: more holders than a message may name': {
    case: 'holders',
    value: { addresses: Array.from({ length: HOLDERS + 1 }, () => 'x') },
  },
  'R004-123: one silent Local too many': {
    case: 'stored',
    value: {
      moved: { digest: DIGEST, silent: Array.from({ length: SILENT_LOCALS + 1 }, () => 'x') },
    },
  },
  'R004-123: a tag that was moved from no key': { case: 'stored', value: { moved: {} } },
  'R000-6: a piece of nothing': { case: 'piece', value: { length: 0 } },
  'R000-6: a piece of one byte too many': { case: 'piece', value: { length: LONGEST_PIECE + 1 } },
  'R000-6: a piece of 4 GiB': { case: 'piece', value: { length: 0xffff_ffff } },
}

test('R004-123: the longest list of silent Locals fits into a message', (t) => {
  const silent = Array.from({ length: SILENT_LOCALS }, () => '12D3KooW'.padEnd(56, 'x'))
  const moved = { previous: { digest: DIGEST, directory: true }, keptUntilMs: Number(LAST), silent }
  const stored = { type: 'stored', incarnation: Number(LAST), existed: true, moved } as const
  const bytes = encodeMessage(stored)
  t.true(bytes.byteLength <= TRANSFER_MESSAGE_BYTES)
  t.deepEqual(decodeMessage(bytes), stored)
})

for (const [name, body] of Object.entries(REFUSED)) {
  test(`${name} breaks the protocol`, (t) => {
    const error = t.throws(() => decodeMessage(wire(body)), { instanceOf: DstoreError })
    t.is(error.code, 'protocol')
  })
}

test('what is exactly at a limit is taken', (t) => {
  const most = fetch(...many(FETCH_RANGES, LAST, LAST))
  t.like(decodeMessage(wire(most)), { type: 'fetch' })
  t.like(decodeMessage(wire({ case: 'piece', value: { length: LONGEST_PIECE } })), {
    type: 'piece',
  })
})

test('R000-8: a code that is not in the table is taken as a broken protocol', (t) => {
  for (const stranger of ['', 'constructor', '__proto__', 'not-invented-yet']) {
    const message = decodeMessage(wire({ case: 'failure', value: { code: stranger } }))
    t.like(message, { type: 'failure', code: 'protocol' })
  }
})

test('R000-9: lines for people are cut, and carry no control characters', (t) => {
  const nasty = `\u001B[2J\r\nhello\u009B31m\u0000${'x'.repeat(TEXT_CHARS)}`
  const message = decodeMessage(wire({ case: 'failure', value: { code: 'busy', message: nasty } }))
  t.true(message.type === 'failure')
  if (message.type !== 'failure') return
  t.true(message.message.length <= TEXT_CHARS)
  t.regex(message.message, /^[^\p{Cc}]*hello[^\p{Cc}]*$/u)
})

test('R000-7, R003-1: 100,000 mutations of messages are taken or refused with protocol, never anything else', (t) => {
  const random = seeded(20_003)
  const originals = messages.flatMap(({ message }) =>
    fc.sample(message, { numRuns: 25, seed: 3 }).map(encodeMessage),
  )
  let refused = 0
  for (let run = 0; run < 100_000; run++) {
    const bytes = mutated(originals[run % originals.length]!, random)
    try {
      // What is taken is within bounds: it can be sent on as it is.
      decodeMessage(encodeMessage(decodeMessage(bytes)))
    } catch (error) {
      if (!(error instanceof DstoreError) || error.code !== 'protocol') {
        t.fail(`mutation ${run} gave ${String(error)}`)
      }
      refused++
    }
  }
  t.true(refused > 10_000 && refused < 100_000, `${refused} were refused`)
})

/** Flipped, cut, extended or doubled, one to four times. */
function mutated(original: Uint8Array, random: () => number): Uint8Array {
  let bytes = original.slice()
  for (let times = 1 + Math.floor(random() * 4); times > 0; times--) {
    const at = Math.floor(random() * bytes.byteLength)
    const kind = random()
    if (kind < 0.5 && bytes.byteLength > 0) bytes[at]! ^= 1 << Math.floor(random() * 8)
    else if (kind < 0.65) bytes = bytes.slice(0, at)
    else if (kind < 0.8) bytes = Uint8Array.from([...bytes, Math.floor(random() * 256)])
    else bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes])
  }
  return bytes
}
