import test from 'ava'
import * as fc from 'fast-check'
import { DstoreError } from '../../src/errors.ts'
import { FETCH_RANGES, PIECE_BYTES, TEXT_CHARS, VALUE_BYTES } from '../../src/limits.ts'
import { decodeMessage, encodeMessage, type Message } from '../../src/transfer/message.ts'
import { seeded } from '../wire/seeded.ts'

const count = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.maxSafeNat(), fc.constant(VALUE_BYTES))
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 })
const ranges = fc
  .array(count, { maxLength: 40 })
  .map((edges) => edges.toSorted((a, b) => a - b))
  .map((edges) =>
    Array.from({ length: Math.floor(edges.length / 2) }, (_, i) => ({
      start: edges[2 * i]!,
      end: edges[2 * i + 1]!,
    })),
  )
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: fc.constant('fetch' as const), digest, ranges }),
  fc.record({ type: fc.constant('found' as const), size: count, held: ranges }),
  fc
    .record({
      type: fc.constant('upload' as const),
      digest: fc.option(digest, { nil: undefined }),
      size: count,
      start: count,
    })
    .map((upload) => ({ ...upload, start: Math.min(upload.start, upload.size) })),
  fc.constant({ type: 'accept' as const }),
  fc.record({
    type: fc.constant('piece' as const),
    length: fc.integer({ min: 1, max: PIECE_BYTES }),
  }),
  fc.record({ type: fc.constant('finish' as const), digest, size: count }),
  fc.record({ type: fc.constant('stored' as const), incarnation: count, existed: fc.boolean() }),
  fc.record({
    type: fc.constant('failure' as const),
    code: fc.constantFrom('not-found' as const, 'removed' as const, 'no-space' as const),
    message: fc.string({ maxLength: 100 }).map((text) => text.replaceAll(/[^ -~]/g, '')),
  }),
)

test('every message comes back as it went', (t) => {
  fc.assert(
    fc.property(message, (sent) => {
      t.deepEqual(decodeMessage(encodeMessage(sent)), sent)
    }),
    { numRuns: 500 },
  )
})

/** As a peer would encode it that does not keep to the rules: the types allow it, the encoder does not mind. */
const DIGEST = new Uint8Array(32)
const REFUSED: readonly (readonly [string, Message])[] = [
  ['a short digest', { type: 'fetch', digest: DIGEST.subarray(1), ranges: [] }],
  ['a long digest', { type: 'finish', digest: new Uint8Array(33), size: 1 }],
  [
    'an upload with an empty digest',
    { type: 'upload', digest: DIGEST.subarray(32), size: 1, start: 0 },
  ],
  ['ranges out of order', { type: 'fetch', digest: DIGEST, ranges: [span(5, 6), span(1, 2)] }],
  ['ranges that overlap', { type: 'fetch', digest: DIGEST, ranges: [span(0, 6), span(5, 7)] }],
  ['a reversed range', { type: 'found', size: 9, held: [span(6, 5)] }],
  [
    'too many ranges',
    {
      type: 'fetch',
      digest: DIGEST,
      ranges: Array.from({ length: FETCH_RANGES + 1 }, (_, i) => span(2 * i, 2 * i + 1)),
    },
  ],
  ['a piece of no byte', { type: 'piece', length: 0 }],
  ['a piece that is too long', { type: 'piece', length: PIECE_BYTES + 1 }],
  ['an upload from beyond its end', { type: 'upload', digest: undefined, size: 1, start: 2 }],
  ['a size beyond 2^53 - 1', { type: 'found', size: VALUE_BYTES + 1, held: [] }],
  ['an offset beyond 2^53 - 1', { type: 'fetch', digest: DIGEST, ranges: [span(0, 2 ** 60)] }],
]

function span(start: number, end: number): { start: number; end: number } {
  return { start, end }
}

for (const [what, bad] of REFUSED) {
  test(`R003-1: ${what} is refused`, (t) => {
    const error = t.throws(() => decodeMessage(encodeMessage(bad)), { instanceOf: DstoreError })
    t.is(error.code, 'protocol')
  })
}

test('R003-1: an empty message and a message of unknown kind are refused', (t) => {
  for (const bytes of [[], [0xfa, 0x01, 0x00], [0x0a]]) {
    const error = t.throws(() => decodeMessage(Uint8Array.from(bytes)), { instanceOf: DstoreError })
    t.is(error.code, 'protocol')
  }
})

test('R003-4: a failure is one printable line of bounded length, with a code of the table', (t) => {
  const text = `\u001B[31mred\n\u0007${'x'.repeat(5000)}`
  const known = decodeMessage(encodeMessage({ type: 'failure', code: 'removed', message: text }))
  t.true(known.type === 'failure' && known.code === 'removed')
  t.true(known.type === 'failure' && known.message.length <= TEXT_CHARS)
  t.true(known.type === 'failure' && /^[ -~]+$/.test(known.message))
  const code = 'no-such-code' as 'removed'
  const unknown = decodeMessage(encodeMessage({ type: 'failure', code, message: '' }))
  t.true(unknown.type === 'failure' && unknown.code === 'protocol')
})

test('R003-1: 100,000 mutations of messages are taken or refused with protocol, never anything else', (t) => {
  const random = seeded(20_003)
  const originals = fc.sample(message, { numRuns: 200, seed: 3 }).map(encodeMessage)
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
