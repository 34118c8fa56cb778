/**
 * Tickets: one line of text that makes a machine a member (specs/006-membership.md, "Tickets"). It
 * holds the peer id of Global, its addresses, and a secret to show to it.
 */
import { base32 } from 'multiformats/bases/base32'
import { concat, equal } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import { hash } from '../hash/hasher.ts'
import {
  PUBLIC_KEY_BYTES,
  TICKET_ADDRESSES,
  TICKET_ADDRESS_CHARS,
  TICKET_CHARS,
  TICKET_SECRET_BYTES,
} from '../limits.ts'
import { keyOfPeerId, peerIdOfKey } from './peer-id.ts'

export interface Ticket {
  /** Peer id of Global: no other peer gets the secret. */
  readonly peer: string
  /** Where Global listens, best first: multiaddrs without peer id. */
  readonly addresses: readonly string[]
  readonly secret: Uint8Array
}

/** Name and version of the format. */
const PREFIX = 'dstore1'

const CHECKSUM_BYTES = 4

/** Printable ASCII, without `/` in the host: safe to print to a terminal and to dial. */
const ADDRESS = /^\/(ip4|ip6|dns|dns4|dns6)\/[0-9A-Za-z.:_%-]+\/tcp\/[1-9]\d{0,4}$/

/** May this be in a ticket: a multiaddr of host and TCP port, without peer id? */
export function isTicketAddress(address: string): boolean {
  return address.length <= TICKET_ADDRESS_CHARS && ADDRESS.test(address)
}

export function formatTicket({ peer, addresses, secret }: Ticket): string {
  const key = keyOfPeerId(peer)
  if (key === undefined) throw new TypeError('peer: not the peer id of a node')
  if (secret.byteLength !== TICKET_SECRET_BYTES) {
    throw new RangeError(`secret must be ${TICKET_SECRET_BYTES} bytes`)
  }
  if (addresses.length < 1 || addresses.length > TICKET_ADDRESSES) {
    throw new RangeError(`addresses: not 1 to ${TICKET_ADDRESSES}`)
  }
  const lines = addresses.map((address) => {
    if (!isTicketAddress(address)) throw new TypeError(`addresses: not a usable one: ${address}`)
    return concat([Uint8Array.of(address.length), encoder.encode(address)])
  })
  const body = concat([key, secret, ...lines])
  return PREFIX + base32.baseEncode(concat([body, checksum(body)]))
}

/**
 * Parses the canonical spelling of a ticket. Error: `usage`, whose message never contains the text.
 */
export function parseTicket(text: string): Ticket {
  if (!text.startsWith(PREFIX)) throw malformed(`it does not begin with ${PREFIX}`)
  if (text.length > TICKET_CHARS) throw malformed('it is too long')
  const bytes = decode(text.slice(PREFIX.length))
  const secretEnd = PUBLIC_KEY_BYTES + TICKET_SECRET_BYTES
  if (bytes.byteLength <= secretEnd + CHECKSUM_BYTES) throw malformed('it is too short')
  const body = bytes.subarray(0, -CHECKSUM_BYTES)
  if (!equal(checksum(body), bytes.subarray(-CHECKSUM_BYTES))) {
    throw malformed('its checksum is wrong')
  }
  return {
    peer: peerIdOfKey(body.slice(0, PUBLIC_KEY_BYTES)),
    secret: body.slice(PUBLIC_KEY_BYTES, secretEnd),
    addresses: addressesIn(body.subarray(secretEnd)),
  }
}

/**
 * The hash of a secret, for Global to keep. A slow hash would add nothing: the secret is 256 random
 * bits.
 */
export function hashSecret(secret: Uint8Array): Uint8Array {
  return hash(concat([SECRET_CONTEXT, secret])).digest
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const CHECKSUM_CONTEXT = encoder.encode(`${PREFIX} checksum\n`)
const SECRET_CONTEXT = encoder.encode(`${PREFIX} secret\n`)

function checksum(body: Uint8Array): Uint8Array {
  return hash(concat([CHECKSUM_CONTEXT, body])).digest.subarray(0, CHECKSUM_BYTES)
}

function decode(text: string): Uint8Array {
  try {
    const bytes = base32.baseDecode(text)
    // Only the canonical spelling: no padding, and no stray bits.
    if (base32.baseEncode(bytes) === text) return bytes
  } catch {
    // Reported below.
  }
  throw malformed('it holds characters that no ticket has')
}

function addressesIn(bytes: Uint8Array): string[] {
  const addresses: string[] = []
  for (let at = 0; at < bytes.byteLength;) {
    const end = at + 1 + bytes[at]!
    const address = decoder.decode(bytes.subarray(at + 1, end))
    if (end > bytes.byteLength || !isTicketAddress(address))
      throw malformed('it has an unusable address')
    addresses.push(address)
    at = end
  }
  if (addresses.length > TICKET_ADDRESSES) throw malformed('it has too many addresses')
  return addresses
}

function malformed(why: string): DstoreError {
  return new DstoreError('usage', `not a ticket: ${why}`, {
    hint: 'copy the whole line that `dstore invite` printed',
  })
}
