/** A link for TCP, of given length and width, shared by all connections over it. */
import { once } from 'node:events'
import net from 'node:net'

const MIB = 1 << 20

/** Room for what is on its way: at 200 ms for more than 5 Gbit/s. */
const MOST_BYTES = 64 * MIB

export class Link {
  readonly roundTripMs: number
  readonly bytesPerSecond: number
  /** When the link will have sent all that came before, each way. */
  readonly freeAt: { up: number; down: number } = { up: 0, down: 0 }

  constructor(roundTripMs: number, bytesPerSecond: number) {
    this.roundTripMs = roundTripMs
    this.bytesPerSecond = bytesPerSecond
  }

  /** When bytes arrive that are sent now. */
  arrival(way: 'up' | 'down', bytes: number): number {
    const sending = (bytes * 1000) / this.bytesPerSecond
    this.freeAt[way] = Math.max(this.freeAt[way], performance.now()) + sending
    return this.freeAt[way] + this.roundTripMs / 2
  }
}

export interface RelayOptions {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  readonly target: number
  readonly link: Link
}

/** Listens; returns its port, and the function that closes it. */
export async function delayRelay(
  options: RelayOptions,
): Promise<{ readonly port: number; readonly close: () => void }> {
  const { host, port, target, link } = options
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    const far = net.connect({ port: target, host: '127.0.0.1', allowHalfOpen: true })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => {
        near.destroy()
        far.destroy()
      })
    }
    forward(near, far, (bytes) => link.arrival('up', bytes))
    forward(far, near, (bytes) => link.arrival('down', bytes))
  })
  server.listen(port, host)
  await once(server, 'listening')
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { port: (server.address() as net.AddressInfo).port, close }
}

function forward(from: net.Socket, to: net.Socket, arrival: (bytes: number) => number): void {
  const held: { readonly at: number; readonly bytes: Buffer }[] = []
  let heldBytes = 0
  let hasEnded = false
  let timer: NodeJS.Timeout | undefined
  const deliver = (): void => {
    timer = undefined
    while (held.length > 0 && !to.writableNeedDrain && held[0]!.at <= performance.now() + 0.5) {
      const { bytes } = held.shift()!
      heldBytes -= bytes.byteLength
      to.write(bytes)
    }
    if (heldBytes < MOST_BYTES) from.resume()
    const [next] = held
    if (next === undefined && hasEnded) to.end()
    if (next === undefined || to.writableNeedDrain) return
    timer ??= setTimeout(deliver, Math.max(0, next.at - performance.now()))
  }
  to.on('drain', deliver)
  from.on('data', (bytes: Buffer) => {
    held.push({ at: arrival(bytes.byteLength), bytes })
    heldBytes += bytes.byteLength
    if (heldBytes >= MOST_BYTES) from.pause()
    timer ??= setTimeout(deliver, Math.max(0, held[0]!.at - performance.now()))
  })
  from.on('end', () => {
    hasEnded = true
    deliver()
  })
}
