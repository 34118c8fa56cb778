/** Tickets, read and written by hand from 006 ("Ticket"): with whatever in them a forger likes. */
import { blake3 } from '@noble/hashes/blake3.js'

export const PREFIX = 'dstore1'
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

export interface TicketParts {
  readonly key: Uint8Array
  readonly secret: Uint8Array
  readonly addresses: readonly string[]
}

export function readTicket(text: string): TicketParts {
  const body = fromBase32(text.slice(PREFIX.length)).subarray(0, -4)
  const addresses: string[] = []
  for (let at = 64; at < body.byteLength; at += 1 + body[at]!) {
    addresses.push(Buffer.from(body.subarray(at + 1, at + 1 + body[at]!)).toString())
  }
  return { key: body.subarray(0, 32), secret: body.subarray(32, 64), addresses }
}

export function writeTicket({ key, secret, addresses }: TicketParts): string {
  const lines = addresses.map((text) =>
    Buffer.concat([Uint8Array.of(text.length), Buffer.from(text)]),
  )
  return sealTicket(Buffer.concat([key, secret, ...lines]))
}

/** Any bytes with the checksum that makes a ticket of them. */
export function sealTicket(body: Uint8Array): string {
  const checksum = blake3(Buffer.concat([Buffer.from(`${PREFIX} checksum\n`), body])).subarray(0, 4)
  return PREFIX + toBase32(Buffer.concat([body, checksum]))
}

export function ticketBody(text: string): Uint8Array {
  return fromBase32(text.slice(PREFIX.length)).subarray(0, -4)
}

function fromBase32(text: string): Uint8Array {
  let bits = ''
  for (const digit of text.split('')) bits += BASE32.indexOf(digit).toString(2).padStart(5, '0')
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
}

function toBase32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
  const digits = bits.match(/.{1,5}/g) ?? []
  return digits.map((five) => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')
}
