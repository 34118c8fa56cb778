import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { create, toBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { DstoreError } from '../../../src/errors.ts'
import { decodeMessage } from '../../../src/index/codec/decode.ts'
import { encodeMessage } from '../../../src/index/codec/encode.ts'
import type { Body, Fact, Message, Position, Receipt } from '../../../src/index/message.ts'
import { MessageSchema } from '../../../src/index/codec/messages_pb.ts'
import { isName } from '../../../src/index/name.ts'
import {
  BATCH_ITEMS,
  HOLDERS,
  INLINE_VALUE_BYTES,
  LEAST_TICKET_MS,
  LONGEST_TICKET_MS,
  NAME_BYTES,
  PEER_ID_CHARS,
  TICKET_USES,
  TICKET_ADDRESSES,
  TICKET_ADDRESS_CHARS,
} from '../../../src/limits.ts'
import { peerIdOfKey } from '../../../src/membership/peer-id.ts'
import { ROLES } from '../../../src/membership/role.ts'
import { bytes, code, count, digest, line } from '../../wire/arbitraries.ts'
import { codecSuite } from '../../wire/codec.ts'

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })
const uint32 = fc.nat({ max: 0xffff_ffff })
const position: fc.Arbitrary<Position> = fc.record({ runId: bytes(16), seq: count })
const target = fc.record(
  { digest, directory: fc.constant(true as const), atMs: count },
  { requiredKeys: ['digest'] },
)
/** The receipts of one message share their list of silent Locals. */
const silentLocals = fc.constant(['one', 'other'])
const moved = fc.record(
  { previous: target, keptUntilMs: count, silent: silentLocals },
  { requiredKeys: ['previous', 'silent'] },
)
const receipt: fc.Arbitrary<Receipt> = fc.record(
  { digest, size: count, incarnation: count, existed: fc.boolean(), moved },
  { requiredKeys: ['digest', 'size', 'incarnation', 'existed'] },
)
const name = fc.stringMatching(/^[^\p{C}]{1,60}$/u).filter(isName)
const names = fc.array(name, { maxLength: 3 })
const smallValue = fc.uint8Array({ maxLength: 40 })
const fact: fc.Arbitrary<Fact> = fc
  .record({
    incarnation: count,
    value: maybe(smallValue),
    size: count,
    holders: fc.array(line, { maxLength: 3 }),
    names,
  })
  .map((any) => ({ ...any, size: any.value?.byteLength ?? any.size }))
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { maxLength: 4 })

const peer = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: PEER_ID_CHARS })
const role = fc.constantFrom(...ROLES)
const ownAddress = fc.constantFrom('/ip4/10.0.0.1/tcp/1', '/dns4/example.org/tcp/65535')

/** A position that no check refuses, so that a test is about another field. */
const SOUND = { runId: new Uint8Array(16) }
const release = fc.stringMatching(/^[ -~]{0,64}$/)
const port = fc.integer({ min: 1, max: 65_535 })

const hold = bytes(16)
const presentItem = fc.record({ digest, directory: fc.boolean() })
/** Bytes have no such field. */
const directory = fc.constant(true)
const naming = fc.record(
  { tag: fc.constant(true), expiresMs: count, keepMs: count, asWriter: fc.constant(true) },
  { requiredKeys: [] },
)
const bind = fc.record(
  { name, digest, directory, naming, operation: bytes(16) },
  { requiredKeys: ['name', 'digest'] },
)
const nameFacts = { tag: fc.constant(true), boundMs: count, expiresMs: count }
const named = fc.record(
  { name, digest, directory, size: count, ...nameFacts },
  { requiredKeys: ['name', 'digest'] },
)
/** A prefix may be empty. */
const prefix = fc.oneof(name, fc.constant(''))
const plainNames = {
  prefix,
  after: maybe(prefix),
  limit: fc.integer({ min: 1, max: BATCH_ITEMS }),
}
const common = fc.record(
  { name: prefix, common: fc.constant(true), size: count, names: count },
  { requiredKeys: ['name', 'common'] },
)
const found = fc.record(
  { digest, incarnation: count, fact, directory, ...nameFacts },
  { requiredKeys: ['digest', 'incarnation', 'fact'] },
)

const failed = fc.record({
  code,
  message: line,
  hint: maybe(line.filter((hint) => hint !== '')),
})
const bound = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const unnamedRule = fc.record({ prefix: fc.constant(undefined), unusedMs: bound })
const terms = fc
  .record(
    { maxSize: bound, maxAgeMs: bound, unusedMs: bound, maxNames: bound },
    { requiredKeys: [] },
  )
  .filter((one) => Object.keys(one).length > 0)
const ruleFacts = fc.record(
  { names: count, size: count, removed: count, counting: fc.boolean() },
  { requiredKeys: ['names', 'size', 'removed', 'counting'] },
)
const maybeFacts = fc.record({ heldOtherwise: count, lastRemovedMs: count }, { requiredKeys: [] })
const rule = fc
  .tuple(fc.oneof(fc.record({ prefix, terms }), unnamedRule), ruleFacts, maybeFacts)
  .map(([one, facts, others]) => {
    const { terms: bounds, ...rest } = { terms: {}, ...one }
    return { ...rest, ...bounds, ...facts, ...others }
  })

/** Every kind of message; the compiler sees to it that none is forgotten. */
const BODIES: { [T in Body['type']]: fc.Arbitrary<Omit<Extract<Body, { type: T }>, 'type'>> } = {
  hello: fc.record({
    versions: some(uint32),
    bootId: bytes(16),
    position: maybe(position),
    highestSeen: count,
    ticketSecret: maybe(fc.uint8Array({ maxLength: 64 })),
  }),
  welcome: fc.record(
    {
      version: uint32,
      position,
      leaseMs: maybe(count),
      reset: fc.boolean(),
      members: some(peer),
      addresses: some(ownAddress),
      report: fc.oneof(
        fc.record({ wallMs: count }),
        fc.record({ wallMs: count, release, lanePort: port }),
        fc.record({ lanePort: port }),
      ),
    },
    { requiredKeys: ['version', 'position', 'leaseMs', 'reset', 'members', 'addresses'] },
  ),
  locate: fc.oneof(
    fc.record({ digests: some(digest), inline: fc.boolean() }),
    fc.record({ digests: fc.tuple(digest), inline: fc.boolean(), namesBelow: name }),
  ),
  located: fc.record({ facts: some(maybe(fact)) }),
  put: fc.oneof(
    fc.record({ values: some(smallValue), name: fc.constant(undefined) }),
    fc.record({ values: fc.tuple(smallValue), name: maybe(name) }),
    fc.record({ values: fc.tuple(smallValue), name, naming, operation: bytes(16) }),
    fc.record({ values: some(smallValue), name: fc.constant(undefined), hold }),
  ),
  stored: fc.record({ receipts: some(receipt) }),
  'put-batch': fc.record({
    items: some(
      fc.record(
        { value: smallValue, name, naming, operation: bytes(16) },
        { requiredKeys: ['value'] },
      ),
    ),
  }),
  'stored-batch': fc.record({
    outcomes: some(
      fc.oneof(
        fc.record({ receipt }),
        fc.record({ failure: failed.map((one) => ({ type: 'failure' as const, ...one })) }),
      ),
    ),
  }),
  offer: fc.oneof(
    fc.record({ digest, size: count, name: maybe(name) }),
    fc.record({ digest, size: count, name, naming, operation: bytes(16) }),
    fc.record({ digest, size: count, name: fc.constant(undefined), hold }),
  ),
  offered: fc.oneof(
    fc.record({ have: receipt, sendFrom: fc.constant(0) }),
    fc.record({ have: fc.constant(undefined), sendFrom: count }),
  ),
  remove: fc.record({ digest, timeoutMs: maybe(count), force: fc.boolean() }),
  unbind: fc.record(
    { name, keepValue: fc.boolean(), timeoutMs: maybe(count), asWriter: fc.constant(true) },
    { requiredKeys: ['name', 'keepValue', 'timeoutMs'] },
  ),
  removed: fc.record(
    {
      seq: count,
      freedBytes: count,
      acknowledged: some(line),
      owed: some(line),
      expired: some(line),
      names,
      digest: maybe(digest),
      tree: fc.record({ removed: count, most: count, complete: fc.boolean() }),
    },
    {
      requiredKeys: ['seq', 'freedBytes', 'acknowledged', 'owed', 'expired', 'names', 'digest'],
    },
  ),
  list: fc.record({ after: maybe(digest), limit: fc.integer({ min: 1, max: BATCH_ITEMS }) }),
  listed: fc.record({
    items: some(
      fc.record({ digest, size: count, directory }, { requiredKeys: ['digest', 'size'] }),
    ),
    more: fc.boolean(),
  }),
  bind,
  rebind: bind,
  rebound: fc.record(
    { found, previous: target, keptUntilMs: count, silent: some(peer) },
    { requiredKeys: ['found', 'silent'] },
  ),
  'tag-history': fc.record({ name }),
  'tag-targets': fc.record({ targets: some(target) }),
  lookup: fc.record({ name, inline: fc.boolean() }),
  binding: fc.record({
    found: maybe(found),
  }),
  'set-rule': fc.oneof(
    fc.record({ prefix, terms }),
    fc.record({ prefix: fc.constant(undefined), terms: fc.record({ unusedMs: bound }) }),
  ),
  'remove-rule': fc.record({ prefix: maybe(prefix) }),
  accepted: fc.record({ keys: fc.boolean() }),
  rules: fc.constant({}),
  'rule-list': fc.record({ items: some(rule) }),
  'report-use': fc.record({ names, digests: some(digest) }),
  names: fc.oneof(
    fc.record(
      { ...plainNames, delimiter: fc.constantFrom('/', 'é', '😀'), totals: fc.constant(true) },
      { requiredKeys: ['prefix', 'after', 'limit'] },
    ),
    fc.record({ ...plainNames, match: name }),
  ),
  named: fc.record(
    { items: some(fc.oneof(named, common)), more: fc.boolean(), next: prefix },
    { requiredKeys: ['items', 'more'] },
  ),
  contents: fc.record({ after: maybe(digest) }),
  'store-contents': fc.record(
    {
      durable: fc.boolean(),
      values: count,
      valueBytes: count,
      quotaBytes: count,
      headroomBytes: count,
      unfinishedBytes: count,
      unnamedValues: count,
      unnamedBytes: count,
      next: digest,
    },
    {
      requiredKeys: [
        'durable',
        'values',
        'valueBytes',
        'unfinishedBytes',
        'unnamedValues',
        'unnamedBytes',
      ],
    },
  ),
  hold: fc.record({ id: hold, release: fc.boolean() }),
  held: fc.constant({}),
  present: fc.record({ hold, items: some(presentItem) }),
  'present-answer': fc.record({ present: some(fc.boolean()) }),
  'make-directories': fc.record({ hold, digests: some(digest) }),
  'made-directories': fc.record({ missing: some(some(presentItem)) }),
  'commit-tree': fc.record({ hold, digest, name: maybe(name) }),
  watch: fc.record({
    after: maybe(position),
    waitMs: count,
    limit: fc.integer({ min: 1, max: BATCH_ITEMS }),
  }),
  watched: fc.record({
    position,
    changes: some(
      fc.record({
        seq: count,
        type: fc.constantFrom('run-started', 'put', 'bind', 'invite', 'admit', 'expel'),
        digest: maybe(digest),
        names,
        size: maybe(count),
        peer: maybe(peer),
        role: maybe(role),
      }),
    ),
    lost: fc.boolean(),
  }),
  feed: fc
    .record({
      after: fc.nat(),
      digests: some(digest),
      unbound: names,
      peers: some(peer),
      admitted: fc.boolean(),
      more: fc.nat(),
    })
    .map(({ after, digests, unbound, peers, admitted, more }) => ({
      after,
      upto: after + digests.length + unbound.length + peers.length + more,
      memberships: peers.map((one, i) => ({
        peer: one,
        admitted,
        seq: after + digests.length + unbound.length + 1 + i,
      })),
      removals: digests.map((gone, i) => ({ digest: gone, seq: after + 1 + i })),
      unbindings: unbound.map((gone, i) => ({ name: gone, seq: after + digests.length + 1 + i })),
    })),
  invite: fc.record({
    secretHash: digest,
    role,
    uses: fc.integer({ min: 1, max: TICKET_USES }),
    validMs: fc.integer({ min: LEAST_TICKET_MS, max: LONGEST_TICKET_MS }),
  }),
  invited: fc.record({
    addresses: some(ownAddress),
    expiresMs: count,
  }),
  admit: fc.record({ peer: bytes(32).map(peerIdOfKey), role }),
  admitted: fc.record({}),
  expel: fc.record({ peer, timeoutMs: maybe(count) }),
  members: fc.record({ after: maybe(peer), limit: fc.integer({ min: 1, max: BATCH_ITEMS }) }),
  'member-page': fc.record({
    items: some(fc.record({ peer, role: maybe(role), connected: fc.boolean(), sinceMs: count })),
    more: fc.boolean(),
  }),
  ack: fc.record({ seq: count }),
  ping: fc.record(
    {
      settled: fc.array(fc.record({ first: bytes(16), count: fc.nat({ max: 200 }) }), {
        minLength: 1,
        maxLength: 256,
      }),
    },
    { requiredKeys: [] },
  ),
  pong: fc.record({ seq: count, wallMs: count }, { requiredKeys: ['seq'] }),
  goodbye: fc.record({ reason: line }),
  failure: failed,
}

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
