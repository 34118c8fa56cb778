/**
 * The canonical index, as a state machine without I/O (specs/004-index.md, "Global").
 *
 * Participants: any number of sessions, one for each connected Local, and `SELF`, the node's own callers. Goals: one
 * order of changes; nothing is answered before it is durable; each key is put and removed once, whoever asks at the
 * same moment. Non-goals: bytes of values (they come staged and verified), time-outs of callers.
 *
 * Rows of the store come in with each event, and changes go out as transactions whose conditions are those rows'
 * versions: what the machine holds is bounded by the sessions and their requests, not by the number of keys.
 */
import type { ErrorCode } from '../errors.ts'
import { PING_INTERVAL_MS, SILENCE_MS } from '../limits.ts'
import type { Location, RecordKey, Row, Transaction } from '../store/store.ts'
import {
  VERSIONS,
  type Body,
  type Digest,
  type Failure,
  type Message,
  type Receipt,
} from './message.ts'
import { decodeKey, encodeChange, encodeNewKey } from './record.ts'

export type SessionId = number

/** The session of the node's own callers: always there, welcome without a Hello. */
export const SELF: SessionId = 0

/** A value that the driver has verified and sealed in the store. */
export interface Sealed {
  readonly digest: Digest
  readonly size: number
  readonly location: Location
}

export type GlobalEvent =
  | {
      readonly type: 'opened'
      readonly session: SessionId
      readonly peer: string
      readonly now: number
    }
  | { readonly type: 'closed'; readonly session: SessionId }
  | {
      readonly type: 'message'
      readonly session: SessionId
      readonly message: Message
      readonly now: number
      /** The rows for `rowsWanted(message.body)`, in that order. */
      readonly rows: readonly (Row | undefined)[]
      /** For a locate: small values read by the driver, in the order of digests. */
      readonly values?: readonly (Uint8Array | undefined)[]
    }
  /** Values were sealed: those of a `stage` effect, or one that was uploaded (session SELF). */
  | {
      readonly type: 'sealed'
      readonly session: SessionId
      readonly id: number
      readonly values: readonly Sealed[]
      readonly rows: readonly (Row | undefined)[]
    }
  /** The values of a request could not be sealed. */
  | {
      readonly type: 'failed'
      readonly session: SessionId
      readonly id: number
      readonly failure: Failure
    }
  /** A transaction could not be committed. */
  | { readonly type: 'aborted'; readonly ticket: number; readonly failure: Failure }
  | { readonly type: 'committed'; readonly ticket: number; readonly seq: number }
  /** A condition failed: the row as it stands now. */
  | { readonly type: 'conflicted'; readonly ticket: number; readonly row: Row | undefined }
  | { readonly type: 'tick'; readonly now: number }

export type GlobalEffect =
  | { readonly type: 'send'; readonly session: SessionId; readonly message: Message }
  /** Hash and seal these small values, then say `sealed` or `failed`. */
  | {
      readonly type: 'stage'
      readonly session: SessionId
      readonly id: number
      readonly values: readonly Uint8Array[]
    }
  /** Commit, then say `committed` or `conflicted`. */
  | { readonly type: 'commit'; readonly ticket: number; readonly transaction: Transaction }
  /** A sealed value is not needed: free it. */
  | { readonly type: 'discard'; readonly location: Location }
  /** Send everything sent before, then close the stream. */
  | { readonly type: 'hang-up'; readonly session: SessionId }

interface Session {
  readonly peer: string
  welcome: boolean
  heardAt: number
  sentAt: number
}

/** A request of several values is answered when the last is done, or as soon as one has failed. */
interface Batch {
  readonly receipts: (Receipt | undefined)[]
  /** Values that are not stored yet; `FAILED` once the request was answered with a failure. */
  left: number
}

const FAILED = -1

interface Origin {
  readonly session: SessionId
  readonly id: number
}

type Task =
  | {
      readonly type: 'put'
      readonly value: Sealed
      readonly batch: Batch
      readonly at: number
      readonly origin: Origin
    }
  | {
      readonly type: 'remove'
      readonly digest: Digest
      readonly incarnation: number
      readonly size: number
      readonly origin: Origin
    }

/** The rows that must come in with a message. */
export function rowsWanted(body: Body): RecordKey[] {
  switch (body.type) {
    case 'locate':
      return body.digests.map(keyRow)
    case 'offer':
    case 'remove':
      return [keyRow(body.digest)]
    default:
      return []
  }
}

export const keyRow = (digest: Digest): RecordKey => ({ table: 'keys', id: digest })

export class GlobalIndex {
  readonly #runId: Uint8Array
  readonly #sessions = new Map<SessionId, Session>()
  readonly #tasks = new Map<number, Task>()
  #lastTicket = 0
  #seq: number
  #effects: GlobalEffect[] = []

  /** `seq` is that of the change which wrote `runId` into the log. */
  constructor(options: { runId: Uint8Array; seq: number }) {
    this.#runId = options.runId
    this.#seq = options.seq
  }

  /** Peer ids of the Locals that are connected and welcome. */
  peers(): string[] {
    return [...this.#sessions.values()].filter((session) => session.welcome).map(({ peer }) => peer)
  }

  handle(event: GlobalEvent): GlobalEffect[] {
    this.#effects = []
    switch (event.type) {
      case 'opened': {
        const { peer, now } = event
        this.#sessions.set(event.session, { peer, welcome: false, heardAt: now, sentAt: now })
        break
      }
      case 'closed':
        this.#sessions.delete(event.session)
        break
      case 'message':
        this.#message(event)
        break
      case 'sealed':
        this.#sealed(event)
        break
      case 'failed':
        this.#answer(event, event.failure)
        break
      case 'committed':
        this.#committed(event.ticket, event.seq)
        break
      case 'aborted':
        this.#aborted(event.ticket, event.failure)
        break
      case 'conflicted': {
        const task = this.#take(event.ticket)
        if (task.type === 'put') this.#put(task, event.row)
        else this.#remove(task.digest, task.origin, event.row)
        break
      }
      case 'tick':
        this.#tick(event.now)
        break
    }
    return this.#effects
  }

  #message(event: GlobalEvent & { type: 'message' }): void {
    const { session, message, now, rows } = event
    const { id, body } = message
    if (session !== SELF) {
      const state = this.#sessions.get(session)
      if (state === undefined) return
      state.heardAt = now
      if (!state.welcome) {
        if (body.type === 'hello') this.#hello(session, state, id, body.versions)
        else this.#refuse(session, 'protocol', 'the first message was not a hello')
        return
      }
    }
    const origin = { session, id }
    switch (body.type) {
      case 'locate': {
        const facts = rows.map((row, i) => {
          if (row === undefined) return undefined
          const { size, incarnation } = decodeKey(row)
          return { size, incarnation, value: event.values?.[i], holders: [] }
        })
        this.#answer(origin, { type: 'located', facts })
        break
      }
      case 'put':
        this.#effects.push({ type: 'stage', session, id, values: body.values })
        break
      case 'offer': {
        const row = rows[0]
        const have = row === undefined ? undefined : receipt(body.digest, row)
        this.#answer(origin, { type: 'offered', have, sendFrom: 0 })
        break
      }
      case 'remove':
        this.#remove(body.digest, origin, rows[0])
        break
      case 'ping':
        this.#answer(origin, { type: 'pong' })
        break
      case 'pong':
        break
      case 'goodbye':
        this.#effects.push({ type: 'hang-up', session })
        break
      default:
        this.#refuse(session, 'protocol', `a ${body.type} was not expected`)
    }
  }

  #hello(session: SessionId, state: Session, id: number, versions: readonly number[]): void {
    const version = VERSIONS.find((spoken) => versions.includes(spoken))
    if (version === undefined) {
      const theirs = versions.slice(0, 8).join(', ')
      const message = `no version in common: Global speaks ${VERSIONS.join(', ')}, this Local ${theirs}`
      this.#refuse(session, 'incompatible', message, id)
      return
    }
    state.welcome = true
    const position = { runId: this.#runId, seq: this.#seq }
    this.#answer(
      { session, id },
      { type: 'welcome', version, position, leaseMs: undefined, reset: true },
    )
  }

  #sealed(event: GlobalEvent & { type: 'sealed' }): void {
    const { values, rows, session, id } = event
    const batch: Batch = { receipts: values.map(() => undefined), left: values.length }
    if (values.length === 0) this.#answer(event, { type: 'stored', receipts: [] })
    for (const [at, value] of values.entries()) {
      this.#put({ type: 'put', value, batch, at, origin: { session, id } }, rows[at])
    }
  }

  #put(task: Task & { type: 'put' }, row: Row | undefined): void {
    const { digest, size, location } = task.value
    if (row !== undefined) {
      this.#effects.push({ type: 'discard', location })
      this.#receipt(task, receipt(digest, row))
      return
    }
    this.#commit(task, {
      conditions: [{ key: keyRow(digest), version: 0 }],
      writes: [{ key: keyRow(digest), value: encodeNewKey(size, location) }],
      entry: encodeChange({ type: 'put', digest, size }),
      adopt: [location],
    })
  }

  #remove(digest: Digest, origin: Origin, row: Row | undefined): void {
    if (row === undefined) {
      this.#answer(origin, failure('not-found', 'no such key'))
      return
    }
    const { size, location, incarnation } = decodeKey(row)
    this.#commit(
      { type: 'remove', digest, incarnation, size, origin },
      {
        conditions: [{ key: keyRow(digest), version: row.version }],
        writes: [{ key: keyRow(digest), value: undefined }],
        entry: encodeChange({ type: 'remove', digest, incarnation }),
        release: [location],
      },
    )
  }

  #committed(ticket: number, seq: number): void {
    const task = this.#take(ticket)
    this.#seq = Math.max(this.#seq, seq)
    if (task.type === 'put') {
      const { digest, size } = task.value
      this.#receipt(task, { digest, size, incarnation: seq, existed: false })
    } else {
      const { origin, size } = task
      this.#answer(origin, { type: 'removed', seq, freedBytes: size, acknowledged: [], owed: [] })
    }
  }

  #aborted(ticket: number, failure: Failure): void {
    const task = this.#take(ticket)
    if (task.type === 'put') {
      this.#effects.push({ type: 'discard', location: task.value.location })
      if (task.batch.left === FAILED) return
      task.batch.left = FAILED
    }
    this.#answer(task.origin, failure)
  }

  #receipt({ batch, at, origin }: Task & { type: 'put' }, done: Receipt): void {
    if (batch.left === FAILED) return
    batch.receipts[at] = done
    batch.left--
    if (batch.left === 0) {
      this.#answer(origin, { type: 'stored', receipts: batch.receipts as Receipt[] })
    }
  }

  #commit(task: Task, transaction: Transaction): void {
    const ticket = ++this.#lastTicket
    this.#tasks.set(ticket, task)
    this.#effects.push({ type: 'commit', ticket, transaction })
  }

  #take(ticket: number): Task {
    const task = this.#tasks.get(ticket)
    if (task === undefined) throw new RangeError(`ticket ${ticket} is not waiting`)
    this.#tasks.delete(ticket)
    return task
  }

  #tick(now: number): void {
    for (const [id, session] of this.#sessions) {
      if (now - session.heardAt >= SILENCE_MS) {
        this.#refuse(id, 'timeout', `nothing was heard for ${SILENCE_MS / 1000} s`)
      } else if (session.welcome && now - session.sentAt >= PING_INTERVAL_MS) {
        session.sentAt = now
        this.#send(id, { id: 0, body: { type: 'ping' } })
      }
    }
  }

  #answer({ session, id }: Origin, body: Body): void {
    if (session === SELF || this.#sessions.has(session)) this.#send(session, { id, body })
  }

  #refuse(session: SessionId, code: ErrorCode, message: string, id = 0): void {
    this.#send(session, { id, body: failure(code, message) })
    this.#effects.push({ type: 'hang-up', session })
    this.#sessions.delete(session)
  }

  #send(session: SessionId, message: Message): void {
    this.#effects.push({ type: 'send', session, message })
  }
}

const failure = (code: ErrorCode, message: string): Failure => ({
  type: 'failure',
  code,
  message,
  hint: undefined,
})

function receipt(digest: Digest, row: Row): Receipt {
  const { size, incarnation } = decodeKey(row)
  return { digest, size, incarnation, existed: true }
}
