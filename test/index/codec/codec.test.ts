import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { create, toBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { DstoreError } from '../../../src/errors.ts'
import { decodeMessage } from '../../../src/index/codec/decode.ts'
import { encodeMessage } from '../../../src/index/codec/encode.ts'
import type { Message } from '../../../src/index/message.ts'
import { MessageSchema } from '../../../src/index/codec/messages_pb.ts'
import {
  BATCH_ITEMS,
  HOLDERS,
  INLINE_VALUE_BYTES,
  NAME_BYTES,
  SILENT_LOCALS,
  TICKET_ADDRESSES,
  TICKET_ADDRESS_CHARS,
} from '../../../src/limits.ts'
import { codecSuite } from '../../wire/codec.ts'

import { BODIES, uint32 } from './bodies.ts'

const messages = Object.entries(BODIES).map(([type, fields]) => ({
  type,
  message: fc
    .record({ id: uint32, fields: fields as fc.Arbitrary<object> })
    .map(({ id, fields: rest }) => ({ id, body: { type, ...rest } }) as Message),
}))

codecSuite(messages, { encode: encodeMessage, decode: decodeMessage })

type Wire = MessageInitShape<typeof MessageSchema>

/** What our own encoder would never send. */
const wire = (message: Wire): Uint8Array => toBinary(MessageSchema, create(MessageSchema, message))

const DIGEST = new Uint8Array(32)
const many = <T>(length: number, item: T): T[] => Array<T>(length).fill(item)

/** A position that no check refuses, so that a test is about another field. */
const SOUND = { runId: new Uint8Array(16) }

const REFUSED: Record<string, Wire> = {
  'R000-7: one name for two values': {
    body: { case: 'put', value: { values: [DIGEST, DIGEST], name: 'n' } },
  },
  'R000-7: a name with a control character': {
    body: { case: 'lookup', value: { name: 'a\u0007' } },
  },
  'R000-7: a name that reads as a key': {
    body: { case: 'bind', value: { name: '0'.repeat(64), digest: DIGEST } },
  },
  'R000-7: a feed that goes backwards': { body: { case: 'feed', value: { after: 2n, upto: 1n } } },
  'R000-7: a removal beyond the interval of its feed': {
    body: {
      case: 'feed',
      value: { after: 2n, upto: 4n, removals: [{ digest: DIGEST, seq: 5n }] },
    },
  },
  'R000-7: a removal that its feed says is applied already': {
    body: {
      case: 'feed',
      value: { after: 2n, upto: 4n, removals: [{ digest: DIGEST, seq: 2n }] },
    },
  },
  'R000-7: a message of no kind': { id: 1 },
  'R000-7: a boot id of 15 bytes': {
    body: { case: 'hello', value: { bootId: new Uint8Array(15) } },
  },
  'R000-7: a ticket secret of 65 bytes': {
    body: {
      case: 'hello',
      value: { bootId: new Uint8Array(16), ticketSecret: new Uint8Array(65) },
    },
  },
  'R000-7: a welcome without a position': { body: { case: 'welcome', value: { version: 1 } } },
  'R000-7: a digest of 31 bytes': {
    body: { case: 'offer', value: { digest: DIGEST.subarray(1) } },
  },
  'R000-1: a size of 2^53': { body: { case: 'offer', value: { digest: DIGEST, size: 2n ** 53n } } },
  'R000-1: a size of 2^64 - 1': {
    body: { case: 'offer', value: { digest: DIGEST, size: 2n ** 64n - 1n } },
  },
  'R000-7: one digest more than a batch': {
    body: { case: 'locate', value: { digests: many(BATCH_ITEMS + 1, DIGEST) } },
  },
  'R000-7: a small value of one byte too many': {
    body: { case: 'put', value: { values: [new Uint8Array(INLINE_VALUE_BYTES + 1)] } },
  },
  'R004-125: fewer operations than values': {
    body: {
      case: 'put',
      value: { values: [DIGEST, DIGEST], operations: [new Uint8Array(16)] },
    },
  },
  'R004-125: an operation of a value that has a name': {
    body: {
      case: 'put',
      value: { values: [DIGEST], name: 'n', operations: [new Uint8Array(16)] },
    },
  },
  'R004-125: the id of an operation of 15 bytes': {
    body: { case: 'put', value: { values: [DIGEST], operations: [new Uint8Array(15)] } },
  },
  'R004-167: a batch of names whose answer might not fit': {
    body: {
      case: 'putBatch',
      value: { items: many(BATCH_ITEMS, { value: DIGEST, name: 'n'.repeat(NAME_BYTES) }) },
    },
  },
  'R004-167: an outcome that says nothing': {
    body: { case: 'storedBatch', value: { outcomes: [{}] } },
  },
  'R000-7: an offer that is answered with nothing': { body: { case: 'offered', value: {} } },
  'R000-7: a list of nothing': { body: { case: 'list', value: { limit: 0 } } },
  'R000-7: a list of more than a batch': {
    body: { case: 'list', value: { limit: BATCH_ITEMS + 1 } },
  },
  'R000-7: an inline value of another length than the size': {
    body: {
      case: 'located',
      value: { facts: [{ exists: true, size: 2n, value: new Uint8Array(1) }] },
    },
  },
  'R004-1: a welcome with a release that is too long': {
    body: { case: 'welcome', value: { position: SOUND, release: 'x'.repeat(65) } },
  },
  'R004-1: a welcome with a port that is none': {
    body: { case: 'welcome', value: { position: SOUND, lanePort: 65_536 } },
  },
  'R004-1: a welcome with port 0': {
    body: { case: 'welcome', value: { position: SOUND, lanePort: 0 } },
  },
  'R004-1: a pong whose wall clock no double holds': {
    body: { case: 'pong', value: { wallMs: 2n ** 53n + 1n } },
  },
  'R006-42: a welcome with one address too many': {
    body: {
      case: 'welcome',
      value: { position: SOUND, addresses: many(TICKET_ADDRESSES + 1, '/ip4/10.0.0.1/tcp/1') },
    },
  },
  'R006-42: a welcome with an address that is no host and TCP port': {
    body: { case: 'welcome', value: { position: SOUND, addresses: ['/ip4/10.0.0.1/udp/1'] } },
  },
  'R006-42: a welcome with an address that is too long': {
    body: {
      case: 'welcome',
      value: { position: SOUND, addresses: [`/dns/${'a'.repeat(TICKET_ADDRESS_CHARS)}/tcp/1`] },
    },
  },
  'R004-132: more settled operations than Global remembers': {
    body: { case: 'ping', value: { settled: [{ first: new Uint8Array(16), count: 65_537 }] } },
  },
  'R000-7: one holder too many': {
    body: {
      case: 'located',
      value: { facts: [{ exists: true, holders: many(HOLDERS + 1, 'peer') }] },
    },
  },
  'R004-123: one silent Local too many': {
    body: {
      case: 'stored',
      value: {
        receipts: [{ digest: DIGEST, previous: { digest: DIGEST } }],
        silent: many(SILENT_LOCALS + 1, 'peer'),
      },
    },
  },
  'R004-1: a list with a delimiter of two characters': {
    body: { case: 'names', value: { limit: 1, delimiter: 'ab' } },
  },
  'R004-1: a list with an empty delimiter': {
    body: { case: 'names', value: { limit: 1, delimiter: '' } },
  },
  'R004-1: a list with a pattern and a delimiter': {
    body: { case: 'names', value: { limit: 1, delimiter: '/', match: '*' } },
  },
  'R004-1: a list with a pattern and totals': {
    body: { case: 'names', value: { limit: 1, totals: true, match: '*' } },
  },
  'R004-1: a list with a pattern that is too long': {
    body: { case: 'names', value: { limit: 1, match: '*'.repeat(513) } },
  },
  'R004-1: a list after a text with a control character': {
    body: { case: 'names', value: { limit: 1, after: 'a\n' } },
  },
  'R004-1: a name in a list without its key': {
    body: { case: 'named', value: { items: [{ name: 'a' }] } },
  },
  'R004-1: a common prefix with a control character': {
    body: { case: 'named', value: { items: [{ name: 'a\n/', common: true }] } },
  },
}

for (const [name, message] of Object.entries(REFUSED)) {
  test(`${name} breaks the protocol`, (t) => {
    const error = t.throws(() => decodeMessage(wire(message)), { instanceOf: DstoreError })
    t.is(error.code, 'protocol')
  })
}

test('a batch, a value and holders of exactly the limit are taken', (t) => {
  t.notThrows(() => {
    decodeMessage(wire({ body: { case: 'locate', value: { digests: many(BATCH_ITEMS, DIGEST) } } }))
    decodeMessage(
      wire({ body: { case: 'put', value: { values: [new Uint8Array(INLINE_VALUE_BYTES)] } } }),
    )
    decodeMessage(
      wire({
        body: {
          case: 'located',
          value: { facts: [{ exists: true, holders: many(HOLDERS, 'peer') }] },
        },
      }),
    )
  })
})

test('R000-7: fields that nobody knows yet are skipped', (t) => {
  const known = encodeMessage({ id: 7, body: { type: 'ping' } })
  const unknownField = [0xfa, 0x3f, 0x03, 1, 2, 3] // field 1023, three bytes
  t.deepEqual(decodeMessage(Uint8Array.from([...known, ...unknownField])), {
    id: 7,
    body: { type: 'ping' },
  })
})
