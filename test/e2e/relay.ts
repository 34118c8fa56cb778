/** A TCP relay between two processes: a test makes it forward, hold back, or break. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Owner } from '../cli/command.ts'

/** Both ways, or only towards the dialing side. */
type Direction = 'both' | 'down'

export class Relay {
  readonly #target: { readonly host: string; readonly port: number }
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #held: Direction | undefined
  #isBroken = false
  /** The address of the target, by way of this relay. */
  address = ''

  private constructor(host: string, port: number) {
    this.#target = { host, port }
  }

  /** Opens a relay to a multiaddr of TCP over IPv4. */
  static async before(t: Owner, multiaddr: string, at: string = '127.0.0.1'): Promise<Relay> {
    const [, host, port] = /^\/ip4\/([\d.]+)\/tcp\/(\d+)/.exec(multiaddr)!
    const relay = new Relay(host!, Number(port))
    const server = createServer((socket) => relay.#join(socket))
    server.listen(0, at)
    await once(server, 'listening')
    t.teardown(() => {
      relay.break()
      server.close()
    })
    const own = `/ip4/${at}/tcp/${(server.address() as AddressInfo).port}`
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
      from.on('data', (bytes) => to.write(bytes))
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
