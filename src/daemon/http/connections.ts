/**
 * The connections of the API's server: a bounded number of them is served. Idle ones yield to new
 * ones, which wait for a while before they are refused (R007-114).
 */
import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { HTTP_CONNECTIONS } from '../../limits.ts'
import type { CallerBytes } from './statistics/statistics.ts'

/**
 * Time for a client that is still sending to read a refusal, in ms: short, for there may be many.
 */
export const HTTP_REFUSAL_MS = 5_000

/** How often idle connections are looked for while others wait. */
const LOOK_MS = 50

/** A connection yields once it was idle for this long: its client may be about to use it. */
const USED_IDLE_MS = 100

/** The same for a connection without a request so far, which is surely on its way. */
const UNUSED_IDLE_MS = 2000

export interface ConnectionBounds {
  /** Connections that are served at a time. */
  readonly served: number
  /** Connections that wait for one of them to end, and for how long. */
  readonly waiting: number
  readonly waitingMs: number
}

export const BOUNDS: ConnectionBounds = {
  served: HTTP_CONNECTIONS,
  waiting: 1024,
  waitingMs: 10_000,
}

interface Connection {
  /**
   * Calls in progress, each with a callback: a response queued behind others emits no `close` when
   * it is lost.
   */
  readonly calls: Map<ServerResponse, () => void>
  isUsed: boolean
  idleSince: number
}

export class Connections {
  readonly #bounds: ConnectionBounds
  readonly #serve: (socket: Socket) => void
  readonly #respond: (socket: Socket) => void
  readonly #open = new Map<Duplex, Connection>()
  /** Connections that are not served yet, each with its end of waiting. */
  readonly #waiting = new Map<Socket, number>()
  /** Connections that were refused, and whose clients may read that. */
  #refused = 0
  #looking: NodeJS.Timeout | undefined
  /** Of connections that have ended. */
  #endedIn = 0
  #endedOut = 0

  /** Takes over the connections of the server. `respond` sends a refusal. */
  constructor(server: Server, bounds: ConnectionBounds, respond: (socket: Socket) => void) {
    const isSecure = server.listenerCount('secureConnection') > 0
    const event = isSecure ? 'secureConnection' : 'connection'
    const [serve] = server.listeners(event) as ((socket: Socket) => void)[]
    server.removeAllListeners(event)
    server.on(event, (socket: Socket) => this.#accept(socket))
    this.#bounds = bounds
    if (isSecure) {
      // Those in their handshake count as well, and are as many as those that wait.
      server.maxConnections = bounds.served + 2 * bounds.waiting
      server.removeAllListeners('tlsClientError')
      server.on('tlsClientError', (_, socket: Socket) => socket.destroy())
    }
    // A connection that waits is not read: its bytes would take memory, and miss the parser. Under
    // TLS nothing is read before it is wanted, and a paused one would not even shake hands.
    else Object.assign(server, { pauseOnConnect: true })
    this.#serve = (socket) => {
      serve!.call(server, socket)
      socket.resume()
    }
    this.#respond = respond
  }

  /** A call begins; `leave` runs if its connection ends before it. */
  begin(socket: Duplex, response: ServerResponse, leave: () => void): void {
    const connection = this.#open.get(socket)
    if (connection === undefined) return
    connection.calls.set(response, leave)
    connection.isUsed = true
    // Better than to close it afterwards, when its client may have sent the next request.
    if (this.#waiting.size > 0) response.shouldKeepAlive = false
  }

  end(socket: Duplex, response: ServerResponse): void {
    const connection = this.#open.get(socket)
    if (connection === undefined) return
    connection.calls.delete(response)
    connection.idleSince = performance.now()
  }

  /**
   * May a request be answered in the turn in which it came, and so be in progress for no time? Not
   * while others wait: then its connection is to be closed. A connection that may has been used.
   */
  mayAnswerNow(socket: Duplex): boolean {
    const connection = this.#open.get(socket)
    if (connection === undefined || this.#waiting.size > 0) return false
    connection.isUsed = true
    connection.idleSince = performance.now()
    return true
  }

  /** The responses in progress on a connection. */
  responses(socket: Duplex): ServerResponse[] {
    return [...(this.#open.get(socket)?.calls.keys() ?? [])]
  }

  /** Bytes of all connections that are or were served. */
  bytes(): CallerBytes {
    let [bytesIn, bytesOut] = [this.#endedIn, this.#endedOut]
    for (const socket of this.#open.keys()) {
      const { bytesRead, bytesWritten } = socket as Socket
      bytesIn += bytesRead
      bytesOut += bytesWritten
    }
    return { in: bytesIn, out: bytesOut }
  }

  /** Refuses those that wait. */
  close(): void {
    for (const socket of this.#waiting.keys()) this.#refuse(socket)
  }

  #accept(socket: Socket): void {
    if (this.#open.size < this.#bounds.served || this.#closeIdle()) return this.#begin(socket)
    socket.on('error', () => undefined)
    if (this.#waiting.size >= this.#bounds.waiting) return this.#refuse(socket)
    this.#waiting.set(socket, performance.now() + this.#bounds.waitingMs)
    socket.once('close', () => this.#waiting.delete(socket))
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS).unref()
  }

  #begin(socket: Socket): void {
    const connection: Connection = { calls: new Map(), isUsed: false, idleSince: performance.now() }
    this.#open.set(socket, connection)
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#endedIn += socket.bytesRead
      this.#endedOut += socket.bytesWritten
      for (const leave of connection.calls.values()) leave()
      this.#serveNext()
    })
    this.#serve(socket)
  }

  #serveNext(): void {
    const [next] = this.#waiting.keys()
    if (next === undefined || this.#open.size >= this.#bounds.served) return
    this.#waiting.delete(next)
    this.#begin(next)
  }

  #look(): void {
    const now = performance.now()
    for (const [socket, until] of this.#waiting) {
      if (until > now && !this.#closeIdle()) break
      if (until > now) this.#serveNext()
      else this.#refuse(socket)
    }
    if (this.#waiting.size > 0) return
    clearInterval(this.#looking)
    this.#looking = undefined
  }

  #refuse(socket: Socket): void {
    this.#waiting.delete(socket)
    if (this.#refused > this.#bounds.waiting) {
      socket.destroy()
      return
    }
    this.#refused++
    const timer = setTimeout(() => socket.destroy(), HTTP_REFUSAL_MS).unref()
    socket.once('close', () => {
      this.#refused--
      clearTimeout(timer)
    })
    this.#respond(socket)
    // What is not read would reset the connection before its client has read the refusal.
    socket.resume()
  }

  /** Closes the connection that has been idle longest; false if none has been for long enough. */
  #closeIdle(): boolean {
    let longest: Duplex | undefined
    let since = Infinity
    const now = performance.now()
    for (const [socket, { calls, isUsed, idleSince }] of this.#open) {
      const patience = isUsed ? USED_IDLE_MS : UNUSED_IDLE_MS
      if (calls.size > 0 || now - idleSince < patience || idleSince >= since) continue
      longest = socket
      since = idleSince
    }
    if (longest === undefined) return false
    this.#open.delete(longest)
    longest.destroy()
    return true
  }
}
