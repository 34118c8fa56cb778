/**
 * Connections that come, before anybody has proved to be anyone (specs/006-membership.md, R006-36). libp2p has bounds of its
 * own, which are somewhat wider: what it refuses nobody counts.
 */
import './polyfill.ts'
import type { Connection, MultiaddrConnection } from '@libp2p/interface'
import type { Gate } from '../membership/gate.ts'
import { Handshakes } from '../membership/handshakes.ts'
import { hostOf } from './multiaddr.ts'

/** By how much libp2p's bounds are wider. */
export const SLACK = 256

export interface PeerGaterOptions {
  readonly connections: number
  readonly connectionsPending: number
  readonly connectionsPendingPerHost: number
  readonly connectionsPerHostPerSecond: number
}

export class PeerGater {
  readonly #most: number
  readonly #handshakes: Handshakes
  readonly #gate: Gate | undefined

  constructor(options: PeerGaterOptions, gate: Gate | undefined) {
    this.#most = options.connections
    this.#gate = gate
    this.#handshakes = new Handshakes({
      now: () => performance.now(),
      inAll: options.connectionsPending,
      perHost: options.connectionsPendingPerHost,
      perHostPerSecond: options.connectionsPerHostPerSecond,
    })
  }

  /** May a connection begin its handshake, where so many stand? */
  admits(coming: MultiaddrConnection, standing: number): boolean {
    const address = coming.remoteAddr.toString()
    const host = hostOf(address)
    if (standing < this.#most && this.#handshakes.begin(address, host)) {
      coming.addEventListener('close', () => this.#handshakes.end(address))
      return true
    }
    this.#gate?.refuseHost(host, 'connections')
    return false
  }

  /** Its handshake is over: it stands. */
  entered({ remoteAddr }: Connection): void {
    this.#handshakes.end(remoteAddr.toString().replace(/\/p2p\/.*$/, ''))
  }
}
