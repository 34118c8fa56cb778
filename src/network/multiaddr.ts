/** The multiaddrs that dstore accepts: to listen on, and to dial a peer of known identity. */
import './polyfill.ts'
import { peerIdFromString } from '@libp2p/peer-id'
import { CODE_P2P, multiaddr } from '@multiformats/multiaddr'
import type { Multiaddr } from '@multiformats/multiaddr'
export { CODE_P2P } from '@multiformats/multiaddr'
import { DstoreError } from '../errors.ts'

const HOSTS = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6'])

/** An address to dial: host, TCP port and the expected peer id. Error: `malformed-address`. */
export function parseDialAddress(address: string): {
  readonly multiaddr: Multiaddr
  readonly peer: string
} {
  const parsed = parse(address)
  const peer = parsed.getComponents().find((component) => component.code === CODE_P2P)?.value
  if (peer === undefined) {
    throw malformed(address, 'the peer id is missing', 'add /p2p/ and the peer id')
  }
  if (!isTcp(parsed, ['p2p'])) throw malformed(address, 'it is not HOST/tcp/PORT/p2p/PEERID')
  return { multiaddr: parsed, peer: peerOf(address, peer) }
}

/** An address to listen on: IP address and TCP port, 0 for any free. Error: `malformed-address`. */
export function parseListenAddress(address: string): Multiaddr {
  const parsed = parse(address)
  if (!isTcp(parsed, [])) throw malformed(address, 'it is not /ip4/ADDRESS/tcp/PORT or /ip6/...')
  if (hostPart(parsed).name.startsWith('dns'))
    throw malformed(address, 'cannot listen on a host name')
  return parsed
}

/**
 * Can only processes of this machine reach it? False for every host name. Error:
 * `malformed-address`.
 */
export function isLoopback(address: string): boolean {
  const { name, value } = hostPart(parse(address))
  return name === 'ip4' ? value.startsWith('127.') : name === 'ip6' && value === '::1'
}

/** The IP address or host name in it. Error: `malformed-address`. */
export function hostOf(address: string): string {
  return hostPart(parse(address)).value
}

/** The TCP port of an address to listen on. Error: `malformed-address`. */
export function portOf(address: string): number {
  const [, port] = parseListenAddress(address).getComponents()
  return Number(port?.value)
}

function parse(address: string): Multiaddr {
  try {
    return multiaddr(address)
  } catch (cause) {
    throw malformed(address, 'it cannot be parsed', undefined, cause)
  }
}

function hostPart(parsed: Multiaddr): { name: string; value: string } {
  const [host] = parsed.getComponents()
  return { name: host?.name ?? '', value: host?.value ?? '' }
}

function isTcp(parsed: Multiaddr, rest: readonly string[]): boolean {
  const [host, port, ...others] = parsed.getComponents().map(({ name }) => name)
  return HOSTS.has(host ?? '') && port === 'tcp' && others.join() === rest.join()
}

function peerOf(address: string, id: string): string {
  try {
    return peerIdFromString(id).toString()
  } catch (cause) {
    throw malformed(address, 'its peer id cannot be parsed', undefined, cause)
  }
}

function malformed(address: string, why: string, hint?: string, cause?: unknown): DstoreError {
  const example = hint ?? 'for example: /ip4/127.0.0.1/tcp/4001'
  return new DstoreError(
    'malformed-address',
    `not a usable multiaddr: ${quoted(address)}: ${why}`,
    {
      cause,
      hint: example,
    },
  )
}

/** Safe to print on one line: quoted, escaped and cut. */
function quoted(address: string): string {
  return JSON.stringify(address.length > 200 ? `${address.slice(0, 200)}...` : address)
}
