/** Any body of every kind of message of the index protocol. */
import * as fc from 'fast-check'
import type { Body, Fact, Position, Receipt } from '../../../src/index/message.ts'
import { isName } from '../../../src/index/name.ts'
import {
  BATCH_ITEMS,
  LEAST_TICKET_MS,
  LONGEST_TICKET_MS,
  PEER_ID_CHARS,
  TICKET_USES,
} from '../../../src/limits.ts'
import { peerIdOfKey } from '../../../src/membership/peer-id.ts'
import { ROLES } from '../../../src/membership/role.ts'
import { bytes, code, count, digest, line } from '../../wire/arbitraries.ts'

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })
export const uint32: fc.Arbitrary<number> = fc.nat({ max: 0xffff_ffff })
const position: fc.Arbitrary<Position> = fc.record({ runId: bytes(16), seq: count })
const target = fc.record(
  { digest, directory: fc.constant(true as const), atMs: count },
  { requiredKeys: ['digest'] },
)
/** The receipts of one message share their list of silent Locals. */
const moved = fc.record(
  { previous: target, keptUntilMs: count, silent: fc.constant(['one', 'other']) },
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
export const BODIES: {
  [T in Body['type']]: fc.Arbitrary<Omit<Extract<Body, { type: T }>, 'type'>>
} = {
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
        fc.record({ wallMs: count, release, lanePort: port, role }),
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
    fc.array(fc.tuple(smallValue, bytes(16)), { minLength: 1, maxLength: 3 }).map((puts) => ({
      values: puts.map(([value]) => value),
      name: undefined,
      operations: puts.map(([, operation]) => operation),
    })),
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
  pong: fc.record({ seq: count, wallMs: count, role }, { requiredKeys: ['seq'] }),
  goodbye: fc.record({ reason: line }),
  failure: failed,
}
