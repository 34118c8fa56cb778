/**
 * Global in a simulated world: the real index over a simulated store, crashing and beginning again.
 */
import { viewOf } from '../../src/bytes.ts'
import { OPERATION_ID_BYTES } from '../../src/limits.ts'
import { GlobalIndex, SELF } from '../../src/index/global/global-index.ts'
import type {
  GlobalEffect,
  SessionId,
  UntimedGlobalEvent,
} from '../../src/index/global/global-events.ts'
import type { AnswerTo, Body, Digest, Message, Request } from '../../src/index/message.ts'
import { beginRun } from '../../src/index/global/recovery.ts'
import { decodeChange } from '../../src/index/records/change-record.ts'
import { RULE_ROWS } from '../../src/index/records/rule-record.ts'
import { INDEX_ROW, LOCAL_ROWS, WALL_ROW } from '../../src/index/records/record.ts'
import type { Rules } from '../../src/index/rules.ts'
import type { Clocks } from '../../src/node/clock.ts'
import { MEMBER_ROWS, encodeMember, memberRow } from '../../src/membership/record.ts'
import type { Transaction } from '../../src/store/store.ts'
import { NamesOracle } from './names/names-oracle.ts'
import type { Oracle } from './oracle.ts'
import type { SimClock } from './sim-clock.ts'
import { SimStore, type Backup, type Committed } from './sim-store.ts'
import { digestOf } from './tokens.ts'
import { TreeOracle } from './trees/tree-oracle.ts'
import { bytesOf, childrenIn, tokenOf } from './trees/universe.ts'
import type { Wire } from './wire.ts'
import type { World } from './world.ts'

/** How often the index looks at the clock. */
export const TICK_MS = 500

export interface SimGlobalOptions {
  readonly world: World
  readonly oracle: Oracle
  readonly rules: Rules
  readonly leaseMs: number | undefined
  readonly forgetAfterMs: number
  readonly clock: SimClock
  /** The elapsed clock that it measures what it grants with. */
  readonly elapsed: (clocks: Clocks) => () => number
  /** There are trees. */
  readonly trees?: boolean
  /** Names move and expire: how long clocks must agree before wall time is trusted. */
  readonly settledMs?: number | undefined
}

export class SimGlobal {
  readonly store: SimStore = new SimStore()
  readonly #options: SimGlobalOptions
  index: GlobalIndex | undefined
  /** Counts the lives of the process: what was begun in one is not heard of in the next. */
  #life = 0
  #elapsed: () => number = () => 0
  #asleep = false
  /** What happens to it once its machine wakes up. */
  #backlog: (() => void)[] = []
  readonly #wires = new Map<SessionId, Wire>()
  readonly #peers = new Map<SessionId, string>()
  readonly #callers = new Map<number, (body: Body) => void>()
  #lastSession: SessionId = SELF
  #lastId = 0
  #lastLocation = 0
  /** When the store has done all that it was told to, and when that is durable. */
  #free = 0
  #synced = 0
  backup: Backup | undefined
  /** Children of a directory that one transaction counts. */
  batchItems: number | undefined
  /** How often it crashes between a commit and its sync. */
  crashes = 0
  /** How long what can be read may not be durable. */
  syncMs = 0
  onExpelled: (peer: string) => void = () => undefined

  /** Watches over trees, where there are any. */
  readonly trees: TreeOracle | undefined
  /** Watches over names, where they move and expire. */
  readonly names: NamesOracle | undefined
  #lastOperation = 0

  constructor(options: SimGlobalOptions) {
    this.#options = options
    const { store } = this
    const { settledMs } = options
    if (options.trees === true) this.trees = new TreeOracle(options.oracle, store)
    if (settledMs !== undefined) {
      this.names = new NamesOracle({ ...options, store, now: () => this.#now, settledMs })
    }
  }

  /** The id of a new operation, where names move. */
  operation(): { operation?: Uint8Array } {
    if (this.names === undefined) return {}
    const operation = new Uint8Array(OPERATION_ID_BYTES)
    viewOf(operation).setUint32(0, ++this.#lastOperation)
    return { operation }
  }

  /** Before it begins for the first time. */
  admit(peers: readonly string[]): void {
    const record = { role: 'admin', sinceMs: 0, expelled: 0, ticket: undefined } as const
    const writes = peers.map((peer) => ({ key: memberRow(peer), value: encodeMember(record) }))
    this.store.apply({ conditions: [], writes, entry: undefined })
    this.store.sync()
  }

  start(): void {
    const { world, rules, leaseMs, forgetAfterMs, oracle, clock, elapsed, settledMs } =
      this.#options
    this.#elapsed = elapsed(clock)
    const runId = Uint8Array.from({ length: 16 }, () => world.pick(256))
    const { transaction, recovered } = beginRun({
      runId,
      leaseMs,
      atMs: clock.wall(),
      lastSeq: this.store.lastSeq,
      firstSeq: this.store.lastSeq > 0 ? 1 : undefined,
      lastEntry: this.store.log(this.store.lastSeq - 1, 1)[0]?.entry,
      index: this.store.get(INDEX_ROW),
      wall: this.store.get(WALL_ROW),
      locals: this.store.scan('meta', LOCAL_ROWS),
      members: this.store.scan('meta', MEMBER_ROWS),
      tickets: [],
      rules: this.store.scan('meta', RULE_ROWS),
    })
    this.store.apply(transaction)
    this.store.sync()
    oracle.changed(transaction.entry!)
    world.say(`Global begins a run at ${recovered.seq}`)
    this.index = new GlobalIndex({
      recovered,
      now: this.#now,
      wall: clock.wall,
      leaseMs,
      forgetAfterMs,
      rules,
      ...(this.batchItems !== undefined && { batchItems: this.batchItems }),
      ...(settledMs !== undefined && { wallSettledMs: settledMs }),
    })
    this.names?.began(recovered.seq)
    this.#tick(this.#life)
  }

  crash(): void {
    const { world, oracle } = this.#options
    world.say('Global crashes')
    this.#life++
    this.#awaken()
    this.#backlog = []
    this.index = undefined
    this.store.crash()
    oracle.recovered(this.store.lastSeq)
    for (const wire of this.#wires.values()) wire.cut()
    this.#wires.clear()
    this.#callers.clear()
  }

  get isAsleep(): boolean {
    return this.#asleep
  }

  /** Its machine is suspended: messages to it wait. */
  sleep(): void {
    this.#options.world.say('Global falls asleep')
    this.#asleep = true
    this.#options.clock.sleep()
  }

  wake(): void {
    if (!this.#asleep) return
    this.#options.world.say('Global wakes up')
    this.#awaken()
    for (const run of this.#backlog.splice(0)) run()
  }

  #awaken(): void {
    if (this.#asleep) this.names?.woke()
    this.#asleep = false
    this.#options.clock.wake()
  }

  /** Runs this once the machine is awake, in the life that it belongs to. */
  #awake(run: () => void): void {
    const life = this.#life
    if (this.#asleep) this.#backlog.push(() => life === this.#life && run())
    else run()
  }

  /** Crash, and go on from the last backup. */
  restore(): void {
    if (this.backup === undefined) return
    this.crash()
    this.store.restore(this.backup)
    this.#options.world.say(`Global is restored from a backup that ends at ${this.store.lastSeq}`)
    this.#options.oracle.restored(this.store.lastSeq)
  }

  /** Not to be called while Global is down. */
  accept(peer: string, wire: Wire): SessionId {
    const session = ++this.#lastSession
    this.#wires.set(session, wire)
    this.#peers.set(session, peer)
    this.#handle({ type: 'opened', session, peer })
    return session
  }

  message(session: SessionId, message: Message): void {
    if (!this.#wires.has(session)) return
    this.trees?.asked(session, message)
    const peer = this.#peers.get(session)!
    this.#awake(() => this.names?.heard(peer, message.body.type))
    this.#handle({ type: 'message', session, message })
  }

  closed(session: SessionId): void {
    if (this.#wires.delete(session)) this.#handle({ type: 'closed', session })
  }

  /** A request of Global's own; never answered where it crashes. */
  ask<R extends Request>(
    request: R,
    done: (body: AnswerTo[R['type']] | (Body & { type: 'failure' })) => void,
  ): void {
    if (this.index === undefined || this.#asleep) return
    const id = ++this.#lastId
    this.#callers.set(id, done as (body: Body) => void)
    this.trees?.asks(request)
    this.names?.asks(request)
    this.trees?.asked(SELF, { id, body: request })
    this.#handle({ type: 'message', session: SELF, message: { id, body: request } })
  }

  /** A value came on a stream of its own. */
  upload(peer: string, digest: Digest, done: (body: Body) => void): void {
    if (this.#asleep) return this.#awake(() => this.upload(peer, digest, done))
    // Who has not been welcomed on the index stream may not send values either.
    if (this.index?.peers().includes(peer) !== true) return
    const id = ++this.#lastId
    this.#callers.set(id, done)
    const size = bytesOf(digest[0]!).byteLength
    const value = { digest, size, location: this.#location() }
    this.#handle({ type: 'uploaded', id, value, name: undefined })
  }

  get #now(): number {
    return this.#elapsed()
  }

  #location = (): string => `location ${++this.#lastLocation}`

  #tick(life: number): void {
    this.#options.world.after(TICK_MS, () => {
      if (life !== this.#life) return
      if (!this.#asleep) {
        this.names?.wall.ticked()
        this.#handle({ type: 'tick' })
      }
      this.#tick(life)
    })
  }

  #handle(event: UntimedGlobalEvent): void {
    this.#awake(() => {
      const effects = this.index?.handle({ ...event, now: this.#now }) ?? []
      for (const effect of effects) this.#carryOut(effect)
    })
  }

  #later(least: number, most: number, run: () => void): void {
    const life = this.#life
    this.#options.world.after(this.#options.world.between(least, most), () => {
      if (life === this.#life) this.#awake(run)
    })
  }

  #carryOut(effect: GlobalEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect.session, effect.message)
      case 'read': {
        // The rows of now, which come in later: the widest door for races.
        const { ticket } = effect
        const rows = effect.keys.map((key) => this.store.get(key))
        const most = this.#options.world.chance(0.1) ? 400 : 20
        return this.#later(0, most, () => this.#handle({ type: 'rows', ticket, rows }))
      }
      case 'load': {
        const { ticket } = effect
        const values = effect.values.map(() => undefined)
        return this.#handle({ type: 'loaded', ticket, values })
      }
      case 'scan': {
        const { ticket, table, prefix, after, limit } = effect
        const rows = this.store.page(table, prefix, after, limit)
        return this.#later(0, 20, () => this.#handle({ type: 'rows', ticket, rows }))
      }
      case 'children': {
        const { ticket, directory, from, limit } = effect
        const children = childrenIn(directory.digest[0]!, from, limit)
        return this.#later(0, 20, () => this.#handle({ type: 'children', ticket, children }))
      }
      case 'verify-digest': {
        // No name of the simulation spells a digest.
        throw new RangeError(`verify ${effect.name}`)
      }
      case 'log': {
        const { ticket, after, limit } = effect
        const entries = this.store.log(after, limit).map(({ seq, entry }) => {
          return { seq, ...decodeChange(entry) }
        })
        return this.#later(0, 20, () => this.#handle({ type: 'entries', ticket, entries }))
      }
      case 'confirm': {
        const { ticket } = effect
        const wait = Math.max(0, this.#synced - this.#options.world.now)
        if (wait === 0) return this.#handle({ type: 'confirmed', ticket })
        return this.#later(wait, wait, () => this.#handle({ type: 'confirmed', ticket }))
      }
      case 'stage': {
        const { ticket } = effect
        const values = effect.values.map((value) => ({
          digest: digestOf(tokenOf(value)),
          size: value.byteLength,
          location: this.#location(),
        }))
        return this.#later(0, 10, () => this.#handle({ type: 'sealed', ticket, values }))
      }
      case 'commit':
        return this.#commit([effect.transaction], ([seq]) => {
          const { ticket } = effect
          if (seq === undefined) this.#handle({ type: 'conflicted', ticket })
          else this.#handle({ type: 'committed', ticket, seq })
        })
      case 'commit-all':
        return this.#commit(effect.transactions, (seqs) => {
          this.#handle({ type: 'committed-all', ticket: effect.ticket, seqs })
        })
      case 'replay': {
        const { session, after } = effect
        const limit = Math.min(effect.limit, this.index!.position.seq - after)
        const changes = this.store.log(after, limit).map(({ seq, entry }) => ({
          seq,
          change: decodeChange(entry).change,
        }))
        return this.#later(0, 20, () => {
          this.#handle({ type: 'replayed', session, after, changes })
        })
      }
      case 'disconnect':
        return this.onExpelled(effect.peer)
      case 'close': {
        const wire = this.#wires.get(effect.session)
        this.#wires.delete(effect.session)
        return wire?.end()
      }
      case 'discard':
      case 'inspect':
      case 'page':
      case 'refused':
        return
    }
  }

  /** `tell` gets the seq of each; undefined where a condition did not hold. */
  #commit(
    transactions: readonly Transaction[],
    tell: (seqs: readonly (number | undefined)[]) => void,
  ): void {
    const { world, oracle, rules } = this.#options
    const apply = (): (number | undefined)[] =>
      transactions.map((transaction) => {
        const result = this.#apply(transaction)
        if (result.ok && transaction.entry !== undefined) oracle.changed(transaction.entry)
        return result.ok ? result.seq : undefined
      })
    // Transactions are done in the order of the calls, each when those before it are.
    this.#free = Math.max(this.#free, world.now)
    if (!rules.durableBeforeVisible) {
      const result = apply()
      this.#later(0, 1, () => tell(result))
      this.#later(20, 60, () => this.store.sync())
      return
    }
    this.#free += world.between(1, 30)
    const wait = this.#free - world.now
    this.#later(wait, wait, () => {
      const result = apply()
      const synced = (): void => {
        this.store.sync()
        // It is durable; the process may crash before it learns that.
        this.#later(0, 5, () => tell(result))
        if (this.names !== undefined && world.chance(this.crashes)) {
          this.#later(0, 5, () => this.crash())
        }
      }
      // It can be read before it is durable.
      if (this.trees === undefined) return synced()
      const least = Math.max(0, this.#synced - world.now)
      const after = world.between(least, Math.max(least, this.syncMs))
      this.#synced = world.now + after
      this.#later(after, after, synced)
      if (world.chance(this.crashes)) this.#later(0, after, () => this.crash())
    })
  }

  #apply(transaction: Transaction): Committed {
    try {
      const fault = this.trees?.faultOf(transaction)
      const applied = this.names?.before(transaction)
      const result = this.store.apply(transaction)
      if (result.ok) this.trees?.applied(fault)
      if (result.ok) applied?.()
      return result
    } catch (error) {
      this.#options.oracle.fail(String(error))
      return { ok: false }
    }
  }

  #send(session: SessionId, message: Message): void {
    const { oracle, world } = this.#options
    const { body } = message
    this.trees?.answers(session, message)
    if (body.type === 'removed') {
      oracle.promise(body.seq, 'a removal')
      if (body.owed.length === 0) {
        world.say(
          `removal ${body.seq} is complete (${body.acknowledged.length}+${body.expired.length})`,
        )
        oracle.completed(body)
      } else {
        world.say(`removal ${body.seq} is owed by ${body.owed.join(', ')}`)
      }
    }
    if (body.type === 'rebound') {
      oracle.promise(body.found.incarnation, 'a move')
      const registered = this.index!.registered().map(({ peer }) => peer)
      this.names?.movedWithout(body.silent, registered)
    }
    if (body.type === 'stored') {
      for (const { incarnation } of body.receipts) oracle.promise(incarnation, 'a put')
    }
    if (session === SELF) {
      const caller = this.#callers.get(message.id)
      this.#callers.delete(message.id)
      // A call in the same process returns before anything else is done.
      caller?.(body)
    } else {
      this.#wires.get(session)?.send(0, message)
    }
  }
}
