/** Addresses to serve the API over TCP, written `HOST:PORT` (specs/007, "Over TCP"). */
import { isIP } from 'node:net'
import { DstoreError } from '../../errors.ts'

export interface HttpAddress {
  /** A name or an IP address, without brackets. */
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
}

const HOST_PORT = /^(?:(\[[\da-fA-F:.]+\]|[\w.-]+)?:)?(\d{1,5})$/

/** Parses `HOST:PORT`, or `PORT` for 127.0.0.1; anything else is `malformed-address`. */
export function parseHttpAddress(text: string): HttpAddress {
  const match = HOST_PORT.exec(text)
  const host = (match?.[1] ?? '127.0.0.1').replaceAll(/[[\]]/g, '')
  const bracketed = match?.[1]?.startsWith('[') === true
  const port = Number(match?.[2] ?? Number.NaN)
  if (match === null || port > 65_535 || bracketed !== (isIP(host) === 6)) {
    throw new DstoreError('malformed-address', `not an address to serve HTTP on: ${text}`, {
      hint: 'write 127.0.0.1:4481, [::1]:4481 or 4481',
    })
  }
  return { host, port }
}

export function formatHttpAddress({ host, port }: HttpAddress): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

/** Whether only this machine can connect. */
export function isLoopback({ host }: HttpAddress): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
