import { test } from '../serial.ts'
import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { ticketVectors } from '../../specs/models/tickets.ts'
import type { TicketVectors } from '../../specs/models/tickets.ts'
import { vectorFile } from '../../specs/models/vectors.ts'
import { fromHex, toHex } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { TICKET_CHARS } from '../../src/limits.ts'
import { keyOfPeerId, peerIdOfKey } from '../../src/membership/peer-id.ts'
import { formatTicket, hashSecret, parseTicket } from '../../src/membership/ticket.ts'
import { newIdentity, peerIdOf } from '../../src/network/identity.ts'
import { bytes } from '../wire/arbitraries.ts'

const FILE = 'specs/vectors/006-tickets.json'
const { tickets, refused } = JSON.parse(readFileSync(FILE, 'utf8')) as TicketVectors

test("the committed tickets are the model's", (t) => {
  t.is(readFileSync(FILE, 'utf8'), vectorFile(ticketVectors()))
})

test('R006-1, R006-3: the tickets of the vectors, read and written', (t) => {
  t.true(tickets.length >= 3)
  for (const { text, peer, secret, kept, addresses } of tickets) {
    const ticket = parseTicket(text)
    t.deepEqual(ticket, { peer, addresses: [...addresses], secret: fromHex(secret)! })
    t.is(formatTicket(ticket), text)
    t.is(toHex(hashSecret(ticket.secret)), kept)
  }
})

for (const { why, text } of refused) {
  test(`R006-1: no ticket: ${why}`, (t) => {
    const error = t.throws(() => parseTicket(text), { instanceOf: DstoreError, code: 'usage' })
    if (text.length > 20) t.false(`${error?.message} ${error?.hint}`.includes(text.slice(8, 20)))
  })
}

const address = fc
  .tuple(
    fc.constantFrom('/ip4/10.1.2.3', '/ip6/::1', '/dns4/a.example'),
    fc.integer({ min: 1, max: 65_535 }),
  )
  .map(([host, port]) => `${host}/tcp/${port}`)
const ticket = fc.record({
  peer: bytes(32).map(peerIdOfKey),
  secret: bytes(32),
  addresses: fc.array(address, { minLength: 1, maxLength: 8 }),
})

test('R006-1: a text longer than any ticket is refused before it is decoded', (t) => {
  const long = `dstore1${'a'.repeat(TICKET_CHARS)}`
  t.throws(() => parseTicket(long), { code: 'usage', message: /too long/ })
})

test('R006-1: any ticket comes out as it went in, and is not too long', (t) => {
  fc.assert(
    fc.property(ticket, (one) => {
      const text = formatTicket(one)
      t.true(text.length <= TICKET_CHARS)
      t.deepEqual(parseTicket(text), one)
    }),
  )
  t.pass()
})

test('R006-1: a ticket with any one letter changed, left out or doubled is none', (t) => {
  const text = formatTicket({
    peer: tickets[0]!.peer,
    secret: new Uint8Array(32),
    addresses: ['/ip4/10.0.0.1/tcp/4480'],
  })
  for (let at = 0; at < text.length; at++) {
    const [before, letter, after] = [text.slice(0, at), text[at]!, text.slice(at + 1)]
    const other = letter === 'a' ? 'b' : 'a'
    for (const bad of [before + other + after, before + after, before + letter + letter + after]) {
      if (bad !== text) t.throws(() => parseTicket(bad), { code: 'usage' }, `${at}`)
    }
  }
})

test('what is handed in to be a ticket is checked', (t) => {
  const good = {
    peer: tickets[0]!.peer,
    secret: new Uint8Array(32),
    addresses: ['/ip4/1.2.3.4/tcp/5'],
  }
  t.notThrows(() => formatTicket(good))
  t.throws(() => formatTicket({ ...good, peer: 'me' }), { instanceOf: TypeError })
  t.throws(() => formatTicket({ ...good, secret: new Uint8Array(31) }), { instanceOf: RangeError })
  t.throws(() => formatTicket({ ...good, addresses: [] }), { instanceOf: RangeError })
  const many = Array.from({ length: 9 }, () => '/ip4/1.2.3.4/tcp/5')
  t.throws(() => formatTicket({ ...good, addresses: many }), { instanceOf: RangeError })
  t.throws(() => formatTicket({ ...good, addresses: ['here'] }), { instanceOf: TypeError })
})

test("a peer id is libp2p's spelling of a public key, and no other", async (t) => {
  const identity = await newIdentity()
  const key = identity.publicKey.raw
  t.is(peerIdOfKey(key), peerIdOf(identity))
  t.deepEqual(keyOfPeerId(peerIdOf(identity)), Uint8Array.from(key))
  const id = peerIdOf(identity)
  for (const bad of [
    '',
    id.slice(0, -1),
    `${id}1`,
    id.replace(/.$/, '0'),
    `2${id.slice(1)}`,
    `12D3KooW${'z'.repeat(44)}`,
    'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPbdG',
  ]) {
    t.is(keyOfPeerId(bad), undefined, bad)
  }
  t.throws(() => peerIdOfKey(key.slice(1)), { instanceOf: RangeError })
})
