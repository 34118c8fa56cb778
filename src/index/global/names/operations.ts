/**
 * The operations of the last minutes (specs/004-index.md, R004-125 and R004-126): a repeat gets
 * the answer of the first, and does nothing. A Local repeats a request when its link breaks;
 * meanwhile another may have undone what it did.
 *
 * Each change that an operation made names it in the log. So after a restart the end of the log
 * says which are done, before the first request that names one is served.
 */
import { toHex, viewOf } from '../../../bytes.ts'
import {
  BATCH_ITEMS,
  OPERATIONS,
  OPERATION_MS,
  RECOVERED_OPERATIONS,
  SILENT_LOCALS,
} from '../../../limits.ts'
import { failure } from '../../failure.ts'
import type { Body, Failure, Receipt, SettledOperations } from '../../message.ts'
import type { LoggedChange } from '../plan.ts'
import type { Change } from '../../records/change-record.ts'
import type { Rules } from '../../rules.ts'
import { movedBy } from './bind-plan.ts'
import type { Finish } from '../plan-runner.ts'

/** Entries of the log that were read back, the oldest first. */
type Tail = readonly LoggedChange[]

export interface OperationsOptions {
  readonly now: () => number
  /** Wall-clock milliseconds since 1970. */
  readonly wall: () => number
  /** The seq that began this run: the changes before it are read back. */
  readonly run: number
  readonly rules: Rules
  /** Peer ids of the Locals that have been silent. */
  readonly silent: () => readonly string[]
  /** Reads at most `limit` entries after this seq. */
  readonly readLog: (
    after: number,
    limit: number,
    done: (tail: Tail) => void,
    failed: (why: Failure) => void,
  ) => void
}

/** Requests that may name an operation. `uploaded`: a value came beside the index. */
export type OperationKind = 'put' | 'uploaded' | 'offer' | 'bind' | 'rebind' | 'commit-tree'

const KINDS: ReadonlySet<string> = new Set<OperationKind>([
  'put',
  'uploaded',
  'offer',
  'bind',
  'rebind',
  'commit-tree',
])

/** May the message name an operation? */
export const isOperation = (body: Body): body is Body & { readonly type: OperationKind } =>
  KINDS.has(body.type)

/** A request that may name an operation. */
export interface OperationRequest {
  readonly type: OperationKind
  readonly operation?: Uint8Array | undefined
}

interface Known {
  readonly outcome: Body | Tail[number]
  /** Elapsed time when it was done. */
  readonly at: number
}

export class Operations {
  readonly #options: OperationsOptions
  /** By id in hex, in the order in which they were done. */
  readonly #done = new Map<string, Known>()
  /** Those of earlier runs, by id in hex: the seqs of their changes. They do not count as done. */
  #before = new Map<string, number>()
  #recoveredAt = -Infinity
  /** Repeats that wait for the outcome of the first, by id in hex. */
  readonly #running = new Map<string, ((outcome: Body) => void)[]>()
  #recovery: 'due' | 'running' | 'done' = 'due'
  /** Requests that wait until the log is read back. */
  #early: { readonly begin: () => void; readonly finish: Finish }[] = []

  constructor(options: OperationsOptions) {
    this.#options = options
    if (options.run <= 1 || !options.rules.operationsRecovered) this.#recovery = 'done'
  }

  /**
   * Runs an operation once: `begin` gets the callback for its outcome, and is not called for a
   * repeat.
   */
  run(request: OperationRequest, finish: Finish, begin: (finish: Finish) => void): void {
    const { operation, type } = request
    if (operation === undefined || !this.#options.rules.operationsOnce) return begin(finish)
    if (this.#recovery !== 'done') {
      this.#early.push({ begin: () => this.run(request, finish, begin), finish })
      return this.#recover()
    }
    this.#forget()
    const id = toHex(operation)
    const done = this.#done.get(id)
    if (done !== undefined) return finish(this.#answerTo(type, done.outcome))
    const seq = this.#before.get(id)
    if (seq !== undefined) return this.#repeatBefore(seq, request, finish)
    const running = this.#running.get(id)
    if (running !== undefined) {
      return void running.push((outcome) => {
        if (isOutcome(outcome)) finish(this.#answerTo(type, outcome))
        else this.run(request, finish, begin)
      })
    }
    if (this.#done.size + this.#running.size >= OPERATIONS) {
      return finish(failure('busy', `Global remembers at most ${OPERATIONS} operations`))
    }
    const waiting: ((outcome: Body) => void)[] = []
    this.#running.set(id, waiting)
    begin((body) => {
      this.#running.delete(id)
      if (isOutcome(body)) this.#done.set(id, { outcome: body, at: this.#options.now() })
      finish(body)
      for (const one of waiting) one(body)
    })
  }

  /** The change of an earlier run says what it was. */
  #repeatBefore(seq: number, { type }: OperationRequest, finish: Finish): void {
    this.#options.readLog(
      seq - 1,
      1,
      ([entry]) => {
        const why = 'the log has no more of an operation that is repeated'
        finish(entry === undefined ? failure('internal', why) : this.#answerTo(type, entry))
      },
      finish,
    )
  }

  /** Which Locals are silent changes; all else is as it was. */
  #answerTo(type: OperationKind, outcome: Known['outcome']): Body {
    const body = answerTo(type, outcome)
    return withSilent(body, this.#options.silent)
  }

  /** No Local will repeat these: they need not be remembered. */
  settled(settled: readonly SettledOperations[]): void {
    for (const { first, count } of settled) {
      const prefix = toHex(first.subarray(0, 8))
      const view = viewOf(first)
      const low = view.getUint32(12)
      for (let i = 0; i < count; i++) {
        // In two halves, as numbers: there are as many of them as small values.
        const carry = low + i > 0xffff_ffff ? 1 : 0
        const id = prefix + hexOf(view.getUint32(8) + carry) + hexOf((low + i) >>> 0)
        this.#done.delete(id)
        this.#before.delete(id)
      }
    }
  }

  #forget(): void {
    const since = this.#options.now() - OPERATION_MS
    if (this.#recoveredAt <= since && this.#before.size > 0) this.#before = new Map()
    for (const [id, { at }] of this.#done) {
      if (at > since) return
      this.#done.delete(id)
    }
  }

  #recover(): void {
    if (this.#recovery === 'running') return
    this.#recovery = 'running'
    this.#readBack(this.#options.run - 1)
  }

  /** Reads the log from `upto` backwards, for as far as an operation is remembered. */
  #readBack(upto: number): void {
    const { readLog, wall, now } = this.#options
    const after = Math.max(0, upto - BATCH_ITEMS)
    readLog(
      after,
      upto - after,
      (tail) => {
        for (const { seq, change } of tail) {
          const operation = 'operation' in change ? change.operation : undefined
          if (operation !== undefined) this.#before.set(toHex(operation), seq)
        }
        // A clock that was set back makes it read too much, never too little of the last run.
        const isOld = (tail[0]?.atMs ?? -Infinity) < wall() - OPERATION_MS
        const isFull = this.#before.size >= RECOVERED_OPERATIONS
        if (after > 0 && tail.length > 0 && !isOld && !isFull) return this.#readBack(after)
        this.#recovery = 'done'
        this.#recoveredAt = now()
        for (const { begin } of this.#early.splice(0)) begin()
      },
      (why) => {
        this.#recovery = 'due'
        for (const { finish } of this.#early.splice(0)) finish(why)
      },
    )
  }
}

/** 4 bytes. */
const hexOf = (number: number): string => (number >>> 0).toString(16).padStart(8, '0')

/**
 * Is the operation done? What failed did nothing, and an offer may have to be followed by the
 * bytes.
 */
const isOutcome = (body: Body): boolean =>
  body.type !== 'failure' && (body.type !== 'offered' || body.have !== undefined)

/** The outcome, as the answer to this request. */
function answerTo(type: OperationKind, outcome: Known['outcome']): Body {
  if ('change' in outcome) return answerTo(type, bodyOf(type, outcome))
  if (type === 'offer' && outcome.type === 'stored') {
    return { type: 'offered', have: outcome.receipts[0], sendFrom: 0 }
  }
  if ((type === 'put' || type === 'uploaded') && outcome.type === 'offered') {
    return { type: 'stored', receipts: [outcome.have!] }
  }
  return outcome
}

/** The same outcome; of the move of a tag, with the Locals that are silent now. */
function withSilent(body: Body, silent: () => readonly string[]): Body {
  const now = (one: Receipt): Receipt => {
    if (one.moved === undefined) return one
    return { ...one, moved: { ...one.moved, silent: silent().slice(0, SILENT_LOCALS) } }
  }
  if (body.type === 'rebound') return { ...body, silent: silent() }
  if (body.type === 'stored' && body.receipts.some(({ moved }) => moved)) {
    return { ...body, receipts: body.receipts.map(now) }
  }
  if (body.type === 'offered' && body.have?.moved) return { ...body, have: now(body.have) }
  return body
}

/** Filled in with the answer. */
const none = (): string[] => []

/** The outcome that a change of an earlier run was. */
function bodyOf(type: OperationKind, { seq, atMs, change: any }: Tail[number]): Body {
  const change = any as Change & { type: 'put' | 'bind' | 'rebind' }
  const { digest, size = 0 } = change
  const incarnation = change.type === 'put' ? seq : (change.incarnation ?? seq)
  if (type !== 'bind' && type !== 'rebind') {
    const existed = change.type !== 'put'
    const receipt = { digest, size, incarnation, existed, ...movedBy(change, none) }
    return { type: 'stored', receipts: [receipt] }
  }
  const fact = { size, incarnation, value: undefined, holders: [], names: [] }
  const kind = change.directory === true ? { directory: true } : {}
  const found = { digest, incarnation: seq, fact, boundMs: atMs, ...kind }
  if (type === 'bind') return { type: 'binding', found }
  const { moved } = movedBy(change, none)
  return { type: 'rebound', found: { ...found, tag: true }, ...moved, silent: [] }
}
