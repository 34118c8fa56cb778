/**
 * Bounds inbound connections before they are authenticated (specs/006-membership.md, R006-36).
 * libp2p's own bounds are set `SLACK` wider, because it does not report what it refuses.
 */
import './polyfill.ts'
import type { Connection, MultiaddrConnection } from '@libp2p/interface'
import type { Gate } from '../membership/gate.ts'
import { Handshakes, type HandshakeBounds } from '../membership/handshakes.ts'
import { hostOf } from './multiaddr.ts'

/** By how much libp2p's bounds are wider than ours. */
export const SLACK = 256

export interface PeerGaterOptions extends HandshakeBounds {
  readonly connections: number
}

export class PeerGater {
  readonly #connections: number
  readonly #handshakes: Handshakes
  readonly #gate: Gate | undefined

  constructor(options: PeerGaterOptions, gate: Gate | undefined) {
    this.#connections = options.connections
    this.#gate = gate
    this.#handshakes = new Handshakes(options, () => performance.now())
  }

  /** May a connection begin its handshake, when `open` connections are open? */
  admits(incoming: MultiaddrConnection, open: number): boolean {
    const address = incoming.remoteAddr.toString()
    const host = hostOf(address)
    if (open < this.#connections && this.#handshakes.begin(address, host)) {
      incoming.addEventListener('close', () => this.#handshakes.end(address))
      return true
    }
    this.#gate?.refuseHost(host, 'connections')
    return false
  }

  /** Its handshake is over. */
  upgraded({ remoteAddr }: Connection): void {
    this.#handshakes.end(remoteAddr.toString().replace(/\/p2p\/.*$/, ''))
  }
}
