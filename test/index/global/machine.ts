/**
 * Global's index over a store in memory; its effects are carried out at once, or held back by the
 * test.
 */
import { DistinctChildren } from '../../../src/directory/children.ts'
import { decodeDirectory } from '../../../src/directory/reader.ts'
import { failureOf } from '../../../src/index/failure.ts'
import { GlobalIndex, SELF } from '../../../src/index/global/global-index.ts'
import type { GlobalEffect, GlobalEvent } from '../../../src/index/global/global-events.ts'
import type { GlobalIndexOptions } from '../../../src/index/global/global-index.ts'
import { beginRun } from '../../../src/index/global/recovery.ts'
import type { Body, Hello, Message, Request } from '../../../src/index/message.ts'
import { decodeChange } from '../../../src/index/records/change-record.ts'
import { INDEX_ROW, LOCAL_ROWS, WALL_ROW } from '../../../src/index/records/record.ts'
import { checkDigestName } from '../../../src/hash/foreign-hasher.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { RULE_ROWS } from '../../../src/index/records/rule-record.ts'
import { MEMBER_ROWS, TICKET_ROWS } from '../../../src/membership/record.ts'
import type { MemberRole } from '../../../src/membership/role.ts'
import { VERSIONS } from '../../../src/index/versions.ts'
import { SimStore } from '../../simulation/sim-store.ts'

export const boot = (n: number): Uint8Array => new Uint8Array(16).fill(n)

export const valueOf = (n: number): Uint8Array => Uint8Array.of(n)

export const digestOf = (n: number): Uint8Array => hash(valueOf(n)).digest

export class Machine {
  readonly store: SimStore = new SimStore()
  now = 0
  /** By how much the wall clock is ahead of `now`. */
  wallOffsetMs = 0
  /** What the store says of every offered value. */
  facts: { isDamaged: boolean; keptBytes: number } = { isDamaged: false, keptBytes: 0 }
  /** Effects of these types wait in `held`. */
  readonly holds: Set<GlobalEffect['type']> = new Set()
  readonly held: GlobalEffect[] = []
  /** Every effect, in order. */
  readonly effects: GlobalEffect[] = []
  /** Of what was staged, by location. */
  readonly bytes: Map<string, Uint8Array> = new Map()
  index: GlobalIndex
  #lastSession = SELF
  #lastId = 100

  constructor(options: Partial<GlobalIndexOptions> = {}, firstSeq?: number) {
    this.index = this.start(options, firstSeq)
  }

  /** Begin a run on what the store holds. */
  start(options: Partial<GlobalIndexOptions> = {}, firstSeq = 1): GlobalIndex {
    const { transaction, recovered } = beginRun({
      runId: boot(this.store.lastSeq + 1),
      leaseMs: options.leaseMs,
      atMs: this.#wall(),
      lastSeq: this.store.lastSeq,
      firstSeq: this.store.lastSeq > 0 ? firstSeq : undefined,
      lastEntry: this.store.log(this.store.lastSeq - 1, 1)[0]?.entry,
      index: this.store.get(INDEX_ROW),
      wall: this.store.get(WALL_ROW),
      locals: this.store.scan('meta', LOCAL_ROWS),
      members: this.store.scan('meta', MEMBER_ROWS),
      tickets: this.store.scan('meta', TICKET_ROWS),
      rules: this.store.scan('meta', RULE_ROWS),
    })
    this.store.apply(transaction)
    this.index = new GlobalIndex({ recovered, now: this.now, wall: this.#wall, ...options })
    return this.index
  }

  readonly #wall = (): number => this.now + this.wallOffsetMs

  handle(event: GlobalEvent): void {
    for (const effect of this.index.handle(event)) {
      this.effects.push(effect)
      if (this.holds.has(effect.type)) this.held.push(effect)
      else this.carryOut(effect)
    }
  }

  /** Carry out what was held back, in order. */
  release(): void {
    this.holds.clear()
    for (const effect of this.held.splice(0)) this.carryOut(effect)
  }

  /** Send a request; its answer, once there is one. */
  ask(body: Request, session: number = SELF): () => Body | undefined {
    const id = ++this.#lastId
    this.message(session, { id, body })
    return () => this.sentTo(session).find((message) => message.id === id)?.body
  }

  /** The answer to a request that needs no acknowledgement. */
  answer(body: Request, session: number = SELF): Body {
    return this.ask(body, session)()!
  }

  put(n: number, name?: string): Body {
    return this.answer({ type: 'put', values: [valueOf(n)], name })
  }

  message(session: number, message: Message): void {
    this.handle({ type: 'message', session, message, now: this.now })
  }

  sentTo(session: number): Message[] {
    return this.effects.flatMap((effect) =>
      effect.type === 'send' && effect.session === session ? [effect.message] : [],
    )
  }

  /** The last message to a session. */
  last(session: number): Body | undefined {
    return this.sentTo(session).at(-1)?.body
  }

  isClosed(session: number): boolean {
    return this.effects.some((effect) => effect.type === 'close' && effect.session === session)
  }

  open(peer: string): number {
    const session = ++this.#lastSession
    this.handle({ type: 'opened', session, peer, now: this.now })
    return session
  }

  /** A session of this member, which has sent its hello. */
  hello(peer: string, fields: Partial<Hello> = {}, role: MemberRole = 'admin'): number {
    if (this.index.members.roleOf(peer) === undefined) this.answer({ type: 'admit', peer, role })
    const session = this.open(peer)
    const rest = { position: undefined, highestSeen: 0, ticketSecret: undefined }
    const body = { type: 'hello', versions: VERSIONS, bootId: boot(1), ...rest, ...fields } as const
    this.message(session, { id: 1, body })
    return session
  }

  tick(ms: number): void {
    this.now += ms
    this.handle({ type: 'tick', now: this.now })
  }

  carryOut(effect: GlobalEffect): void {
    const { now, store } = this
    switch (effect.type) {
      case 'read': {
        const rows = effect.keys.map((key) => store.get(key))
        return this.handle({ type: 'rows', ticket: effect.ticket, rows, now })
      }
      case 'scan': {
        const { ticket, table, prefix, after, limit } = effect
        const rows = store.page(table, prefix, after, limit)
        return this.handle({ type: 'rows', ticket, rows, now })
      }
      case 'verify-digest': {
        const { ticket, name, value } = effect
        try {
          checkDigestName(name, this.bytes.get(value.location)!)
          return this.handle({ type: 'rows', ticket, rows: [], now })
        } catch (error) {
          return this.handle({ type: 'failed', ticket, failure: failureOf(error), now })
        }
      }
      case 'children': {
        const { ticket, directory, from, limit } = effect
        try {
          const decoded = decodeDirectory(this.bytes.get(directory.location)!)
          const children = new DistinctChildren(decoded).slice(from, limit)
          return this.handle({ type: 'children', ticket, children, now })
        } catch (error) {
          return this.handle({ type: 'failed', ticket, failure: failureOf(error), now })
        }
      }
      case 'load': {
        const values = effect.values.map(() => undefined)
        return this.handle({ type: 'loaded', ticket: effect.ticket, values, now })
      }
      case 'inspect':
        return this.handle({ type: 'inspected', ticket: effect.ticket, facts: this.facts, now })
      case 'log': {
        const entries = store.log(effect.after, effect.limit).map(({ seq, entry }) => {
          return { seq, ...decodeChange(entry) }
        })
        return this.handle({ type: 'entries', ticket: effect.ticket, entries, now })
      }
      case 'confirm':
        return this.handle({ type: 'confirmed', ticket: effect.ticket, now })
      case 'stage': {
        const values = effect.values.map((value) => {
          const { digest, size } = hash(value)
          const location = `location ${this.bytes.size + 1}`
          this.bytes.set(location, value)
          return { digest, size, location }
        })
        return this.handle({ type: 'sealed', ticket: effect.ticket, values, now })
      }
      case 'commit': {
        const { ticket } = effect
        const result = store.apply(effect.transaction)
        if (result.ok) return this.handle({ type: 'committed', ticket, seq: result.seq, now })
        return this.handle({ type: 'conflicted', ticket, now })
      }
      case 'commit-all': {
        const { ticket, transactions } = effect
        const results = transactions.map((transaction) => store.apply(transaction))
        const seqs = results.map((one) => (one.ok ? one.seq : undefined))
        return this.handle({ type: 'committed-all', ticket, seqs, now })
      }
      case 'replay': {
        const { session, after, limit } = effect
        const changes = store.log(after, limit).map(({ seq, entry }) => {
          return { seq, change: decodeChange(entry).change }
        })
        return this.handle({ type: 'replayed', session, after, changes, now })
      }
      default:
    }
  }
}
