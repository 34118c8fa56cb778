/**
 * A connection to the server that takes writes: tries the hosts in turn, also later, whenever it
 * breaks. Its queries run one after another. A query that takes too long continues, because a
 * server that cancels one while it waits for a standby reports success; only the caller gets an
 * error.
 */
import type { Client, ClientConfig, QueryResult } from 'pg'
import { DstoreError } from '../../errors.ts'
import { awayError, connectionFault } from '../engine/engine.ts'
import type { EngineHost } from '../engine/place.ts'
import type { Postgres } from './client.ts'
import { checkSettings, type SettingsOptions } from './settings.ts'

export interface PrimaryOptions {
  readonly postgres: Postgres
  readonly place: string
  readonly hosts: Hosts
  /** All but host and port. */
  readonly config: ClientConfig
  readonly settings: SettingsOptions
  /** How long a query may take before its outcome is in doubt. */
  readonly requestMs: number
  /** Called for each connection that was made, before it has another query. */
  readonly onConnected?: (client: Client) => Promise<void>
}

/** The rows of a query, and whether the server warned of something meanwhile. */
export interface Answer {
  readonly rows: readonly Row[]
  readonly count: number
  readonly warning: string | undefined
}

export type Row = Readonly<Record<string, unknown>>

export interface Query {
  /** It is prepared once for each connection. Without it, `text` may be several statements. */
  readonly name?: string
  readonly text: string
  readonly values?: readonly unknown[]
}

const CONNECT_MS = 5_000
/** Queries that wait for the answers of others on one connection. */
const WAITING = 64

/** The hosts, and which of them was found to take writes. */
export class Hosts {
  readonly #hosts: readonly EngineHost[]
  #found: EngineHost

  constructor(hosts: readonly EngineHost[]) {
    this.#hosts = hosts
    this.#found = hosts[0]!
  }

  get inTurn(): readonly EngineHost[] {
    return [this.#found, ...this.others]
  }

  get others(): readonly EngineHost[] {
    return this.#hosts.filter((host) => host !== this.#found)
  }

  found(host: EngineHost): void {
    this.#found = host
  }
}

export class Primary {
  readonly #options: PrimaryOptions
  #connected: Promise<Connection> | undefined
  #wasConnected = false
  #closed = false

  constructor(options: PrimaryOptions) {
    this.#options = options
  }

  /** Throws why there is no connection. */
  async connect(): Promise<void> {
    await this.#connection()
  }

  /** Every rejection is doubt: it may be done, now or later. `SqlFault`: the server refused it. */
  async query(query: Query): Promise<Answer> {
    const { place, requestMs } = this.#options
    const late = (): DstoreError => awayError(place, `no answer within ${requestMs / 1000} s`)
    return inTime(
      requestMs,
      late,
      this.#connection().then((connection) => connection.query(query)),
    )
  }

  /** The number of the server's process for the connection, if there is one. */
  async processId(): Promise<number | undefined> {
    const connection = await this.#connected?.catch(() => undefined)
    return connection?.processId
  }

  /** Does another host take writes? Then the next connection is to that one. */
  async isElsewhere(): Promise<boolean> {
    const { hosts } = this.#options
    for (const host of hosts.others) {
      const other = await this.#tried(host).catch(() => undefined)
      if (other === undefined) continue
      other.destroy()
      hosts.found(host)
      return true
    }
    return false
  }

  /** The host may be gone without a word: the next query makes a connection. */
  drop(): void {
    const connected = this.#connected
    this.#connected = undefined
    void connected?.then(
      (connection) => connection.destroy(),
      () => undefined,
    )
  }

  close(): void {
    this.#closed = true
    this.drop()
  }

  #connection(): Promise<Connection> {
    if (this.#connected !== undefined) return this.#connected
    const connected = this.#open()
    this.#connected = connected
    const forget = (): void => {
      if (this.#connected === connected) this.#connected = undefined
    }
    connected.then((connection) => connection.ended.then(forget), forget)
    return connected
  }

  async #open(): Promise<Connection> {
    const { place, hosts } = this.#options
    let fault: DstoreError | undefined
    for (const host of hosts.inTurn) {
      if (this.#closed) break
      try {
        const connection = await this.#tried(host)
        hosts.found(host)
        this.#wasConnected = true
        return connection
      } catch (error) {
        // What is wrong with a primary is worth more than that another host is none.
        if (fault === undefined || fault.code === 'unreachable') {
          fault = faultOf(`${place}: ${host.host}:${host.port}`, error)
        }
      }
    }
    if (fault === undefined) throw awayError(place, 'the connection is closed')
    // Settings that changed since are waited for, as a server that is away is.
    if (!this.#wasConnected) throw fault
    throw new DstoreError('unreachable', fault.message, { cause: fault })
  }

  async #tried({ host, port }: EngineHost): Promise<Connection> {
    const { postgres, place, config, settings, onConnected } = this.#options
    const client = new postgres.Client({
      ...config,
      host: host.replaceAll(/^\[|\]$/g, ''),
      port,
      application_name: 'dstore',
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
    })
    const connection = new Connection(client, place)
    try {
      await client.connect()
      const late = (): DstoreError => awayError(place, 'the server does not say its settings')
      await inTime(CONNECT_MS, late, checkSettings(client, `${place}: ${host}:${port}`, settings))
      await onConnected?.(client)
      if (this.#closed) throw awayError(place, 'the connection is closed')
      return connection
    } catch (error) {
      connection.destroy()
      throw error
    }
  }
}

/** One connection, for as long as it lasts. */
class Connection {
  readonly #client: Client
  readonly #place: string
  readonly ended: Promise<void>
  #warning: string | undefined
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(client: Client, place: string) {
    this.#client = client
    this.#place = place
    this.ended = new Promise((resolve) => {
      client.on('end', () => resolve())
      client.on('error', () => resolve())
    })
    client.on('notice', ({ severity, message }) => {
      if (severity === 'WARNING') this.#warning ??= message ?? 'a warning'
    })
  }

  get processId(): number | undefined {
    return (this.#client as unknown as { processID?: number }).processID
  }

  async query(query: Query): Promise<Answer> {
    if (this.#waiting >= WAITING) throw awayError(this.#place, 'too many queries have no answer')
    this.#waiting++
    const answered = this.#last.then(() => this.#query(query))
    this.#last = answered.then(
      () => this.#waiting--,
      () => this.#waiting--,
    )
    return answered
  }

  destroy(): void {
    this.#client.end().catch(() => undefined)
    // What is under way would keep it open.
    const { stream } = (this.#client as unknown as { connection: { stream: { destroy(): void } } })
      .connection
    stream.destroy()
  }

  async #query({ name, text, values }: Query): Promise<Answer> {
    this.#warning = undefined
    try {
      const result: QueryResult<Row> = await this.#client.query({
        text,
        ...(name !== undefined && { name }),
        ...(values !== undefined && { values: [...values] }),
      })
      return { rows: result.rows, count: result.rowCount ?? 0, warning: this.#warning }
    } catch (error) {
      throw faultOf(this.#place, error)
    }
  }
}

/** What the server refused, by the number that SQL gives it. */
export class SqlFault extends DstoreError {
  readonly state: string

  constructor(place: string, state: string, error: Error) {
    super('unreachable', `${place}: ${error.message} (${state})`, { cause: error })
    this.state = state
  }
}

/** By the number that SQL gives it, what to do about it. */
const REFUSED: readonly (readonly [codes: RegExp, hint: string])[] = [
  [/^28/, 'state a user of the database in --engine, and its password in the file of secrets'],
  [/^3D/, 'create the database, or state another one in --engine'],
  [/^42501/, 'state a user that may make a schema in this database, and owns that of the set'],
]

function faultOf(place: string, error: unknown): DstoreError {
  if (error instanceof DstoreError) return error
  const { code, message, severity } = error as Error & { code?: unknown; severity?: unknown }
  if (typeof code !== 'string' || severity === undefined) {
    return connectionFault(place, error, /does not support SSL/)
  }
  const [, hint] = REFUSED.find(([codes]) => codes.test(code)) ?? []
  if (hint !== undefined) {
    return new DstoreError('not-permitted', `${place}: ${message}`, { cause: error, hint })
  }
  return new SqlFault(place, code, error as Error)
}

async function inTime<T>(ms: number, late: () => DstoreError, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const isLate = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(late()), ms)))
  promise.catch(() => undefined)
  try {
    return await Promise.race([promise, isLate])
  } finally {
    clearTimeout(timer)
  }
}
