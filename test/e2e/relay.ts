/** A TCP relay between two processes: a test makes it forward, hold back, or break. */
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Owner } from '../cli/command.ts'

/** Both ways, or only towards the dialing side. */
type Direction = 'both' | 'down'

export interface RelayOptions {
  /** What the relay listens on: any port of 127.0.0.1 by default. */
  readonly at?: { readonly host: string; readonly port: number }
  /** The link that its connections share; without one they are as fast as the machine. */
  readonly link?: SlowLink
}

export class Relay {
  readonly #target: { readonly host: string; readonly port: number }
  readonly #link: SlowLink | undefined
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #held: Direction | undefined
  #isBroken = false
  /** The address of the target, by way of this relay. */
  address = ''

  private constructor(host: string, port: number, link?: SlowLink) {
    this.#target = { host, port }
    this.#link = link
  }

  /** Opens a relay to a multiaddr of TCP over IPv4. */
  static async before(
    t: Owner,
    multiaddr: string,
    { at = { host: '127.0.0.1', port: 0 }, link }: RelayOptions = {},
  ): Promise<Relay> {
    const [, host, port] = /^\/ip4\/([\d.]+)\/tcp\/(\d+)/.exec(multiaddr)!
    const relay = new Relay(host!, Number(port), link)
    const server = createServer((socket) => relay.#join(socket))
    server.listen(at)
    await once(server, 'listening')
    t.teardown(() => {
      relay.break()
      server.close()
    })
    const own = `/ip4/${at.host}/tcp/${(server.address() as AddressInfo).port}`
    relay.address = multiaddr.replace(`/ip4/${host}/tcp/${port}`, own)
    return relay
  }

  /** Holds bytes back; connections stay open. */
  hold(direction: Direction = 'both'): void {
    this.#held = direction
    this.#set()
  }

  /** Breaks every connection and refuses new ones. */
  break(): void {
    this.#isBroken = true
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
  }

  /** Forwards again, first the bytes held back. */
  heal(): void {
    this.#held = undefined
    this.#isBroken = false
    this.#set()
  }

  #join(near: Socket): void {
    if (this.#isBroken) return void near.destroy()
    const far = connect(this.#target)
    const pair = [near, far] as const
    this.#pairs.add(pair)
    for (const [from, to] of [pair, [far, near] as const]) {
      if (this.#link === undefined) from.on('data', (bytes) => to.write(bytes))
      else this.#link.carry(from === near ? 'up' : 'down', from, to)
      from.on('error', () => undefined)
      from.on('close', () => {
        to.destroy()
        this.#pairs.delete(pair)
      })
    }
    this.#set()
  }

  #set(): void {
    for (const [near, far] of this.#pairs) {
      if (this.#held === 'both') near.pause()
      else near.resume()
      if (this.#held === undefined) far.resume()
      else far.pause()
    }
  }
}

interface Carried {
  readonly from: Socket
  readonly to: Socket
  waiting: Buffer
}

/** How often a slow link carries something, in milliseconds. */
const TICK_MS = 25

/** What a slow link carries of one connection before it turns to the next: a packet. */
const PACKET_BYTES = 1400

/**
 * A link of a limited rate each way that several relays share. Its connections take turns; of each
 * it has read one chunk, and the rest waits in the buffers of the system.
 */
export class SlowLink {
  readonly #bytesPerSecond: number
  readonly #ways: Record<'up' | 'down', Set<Carried>> = { up: new Set(), down: new Set() }
  /** How many bytes each way may carry, or has carried too many. */
  readonly #allowed = { up: 0, down: 0 }
  readonly carriedBytes: Record<'up' | 'down', number> = { up: 0, down: 0 }
  #tickedAt = performance.now()

  constructor(t: Owner, bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond
    const ticker = setInterval(() => this.#tick(), TICK_MS)
    t.teardown(() => clearInterval(ticker))
  }

  carry(way: 'up' | 'down', from: Socket, to: Socket): void {
    const carried: Carried = { from, to, waiting: Buffer.alloc(0) }
    to.setNoDelay(true)
    this.#ways[way].add(carried)
    from.on('data', (bytes) => {
      carried.waiting = Buffer.concat([carried.waiting, bytes])
      from.pause()
    })
    from.on('close', () => this.#ways[way].delete(carried))
  }

  #tick(): void {
    const now = performance.now()
    const more = (this.#bytesPerSecond * (now - this.#tickedAt)) / 1000
    this.#tickedAt = now
    for (const way of ['up', 'down'] as const) {
      const wanting = [...this.#ways[way]].filter(({ waiting }) => waiting.byteLength > 0)
      // An idle link saves nothing up.
      this.#allowed[way] = Math.min(this.#allowed[way] + more, 4 * more + PACKET_BYTES)
      for (const carried of wanting) {
        if (this.#allowed[way] <= 0) break
        const packet = carried.waiting.subarray(0, PACKET_BYTES)
        carried.waiting = carried.waiting.subarray(packet.byteLength)
        carried.to.write(packet)
        this.#allowed[way] -= packet.byteLength
        this.carriedBytes[way] += packet.byteLength
        // The others come first next time.
        this.#ways[way].delete(carried)
        this.#ways[way].add(carried)
        if (carried.waiting.byteLength === 0) carried.from.resume()
      }
    }
  }
}

/** The ports on which something listens at an IPv4 address of this machine. Linux only. */
export function portsAt(host: string): number[] {
  const hex = host.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))
  const address = hex.toReversed().join('').toUpperCase()
  const listens = (line: string): boolean => line.includes(` ${address}:`) && / 0A /.test(line)
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .filter(listens)
    .map((line) => Number.parseInt(new RegExp(`${address}:([0-9A-F]{4})`).exec(line)![1]!, 16))
}
