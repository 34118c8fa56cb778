/**
 * Who knows everything: what Global's store truly holds and held, and what must never be seen
 * (specs/004-index.md, "Guarantees").
 */
import { equal, toHex } from '../../src/bytes.ts'
import type { Digest, Position } from '../../src/index/message.ts'
import { decodeChange, type Change } from '../../src/index/records/change-record.ts'
import { digestOf } from './tokens.ts'
import type { World } from './world.ts'

/** The order of changes as one line of backups and restores has seen it. */
export interface History {
  readonly changes: { readonly change: Change; readonly at: number }[]
  /** By what was lost, a key or a name: the seqs of the changes that took it. */
  readonly losses: Map<string, number[]>
  /** What it went on from when a backup was restored. */
  readonly parent: { readonly history: History; readonly seq: number } | undefined
}

/** Something that a Local holds, and in which history Global said so. */
export interface Known {
  readonly incarnation: number
  readonly history: History
}

/** A place in a history: everything up to it was applied. */
export interface Applied {
  readonly history: History
  readonly seq: number
}

/** Every digest here is one token, over and over. */
const keyOf = ([token]: Digest): string => `key ${token}`
const nameOf = (name: string): string => `name ${name}`

const expelledOf = (peer: string): string => `expelled ${peer}`
const admittedOf = (peer: string): string => `admitted ${peer}`

const operationOf = (change: Change): string | undefined =>
  'operation' in change && change.operation !== undefined ? toHex(change.operation) : undefined

function newHistory(changes: History['changes'], parent: History['parent']): History {
  const history: History = { changes, losses: new Map(), parent }
  for (const [i, { change }] of changes.entries()) recordLosses(history, i + 1, change)
  return history
}

function recordLosses({ losses }: History, seq: number, change: Change): void {
  const lost: string[] = []
  if (change.type === 'remove') lost.push(keyOf(change.digest), ...change.names.map(nameOf))
  if (change.type === 'unbind') lost.push(...change.names.map(nameOf))
  if (change.type === 'rebind') lost.push(nameOf(change.name))
  if (change.type === 'put' && change.moved !== undefined) lost.push(...change.names.map(nameOf))
  if (change.type === 'expel') lost.push(expelledOf(change.peer))
  if (change.type === 'admit') lost.push(admittedOf(change.peer))
  for (const what of lost) losses.set(what, [...(losses.get(what) ?? []), seq])
}

export class Oracle {
  readonly #world: World
  readonly #runs = new Map<string, History>()
  history: History = newHistory([], undefined)
  violation: string | undefined
  /** Removals that were answered as complete: nobody who is registered may serve what is older. */
  readonly #complete: {
    seq: number
    history: History
    digest: Digest | undefined
    names: readonly string[]
  }[] = []
  /** When each key began and ceased to exist. */
  readonly #lives = new Map<string, { from: number; to: number }[]>()
  readonly #promised: { history: History; seq: number; what: string }[] = []

  constructor(world: World) {
    this.#world = world
  }

  fail(what: string): void {
    if (this.violation !== undefined) return
    this.violation = what
    this.#world.say(`VIOLATION: ${what}`)
  }

  /** A change is durable. */
  changed(entry: Uint8Array): void {
    const { change } = decodeChange(entry)
    const { changes } = this.history
    if (change.type === 'run-started') this.#runs.set(toHex(change.runId), this.history)
    const isNew = change.type === 'put' && change.moved === undefined
    const bound = change.type === 'bind' ? [change.name] : isNew ? change.names : []
    for (const name of bound) {
      if (this.boundTo(name) !== undefined) this.fail(`${name} was bound again while it was bound`)
    }
    const operation = operationOf(change)
    if (operation !== undefined && changes.some((one) => operationOf(one.change) === operation)) {
      this.fail(`an operation was done twice: ${change.type} of ${bound.join()}`)
    }
    changes.push({ change, at: this.#world.now })
    recordLosses(this.history, changes.length, change)
    if (change.type === 'put') this.#mark(toHex(change.digest), true)
    if (change.type === 'remove') this.#mark(toHex(change.digest), false)
  }

  /** Somebody was told that this is done: it must be there after every crash. */
  promise(seq: number, what: string): void {
    this.#promised.push({ history: this.history, seq, what })
  }

  /** Global began again on the log as it is. */
  recovered(lastSeq: number): void {
    for (const { history, seq, what } of this.#promised) {
      if (history === this.history && seq > lastSeq)
        this.fail(`${what} at ${seq} did not survive a crash`)
    }
    // What nobody was told of may be gone.
    const { changes, losses } = this.history
    changes.length = Math.min(changes.length, lastSeq)
    for (const [what, seqs] of losses)
      losses.set(
        what,
        seqs.filter((seq) => seq <= lastSeq),
      )
    this.#markAll()
  }

  /** A backup that ends with this seq was put in place. */
  restored(seq: number): void {
    const parent = { history: this.history, seq }
    this.history = newHistory(this.history.changes.slice(0, seq), parent)
    this.#markAll()
  }

  boundTo(name: string): Digest | undefined {
    for (const { change } of this.history.changes.toReversed()) {
      if (change.type === 'unbind' && change.names.includes(name)) return undefined
      if (change.type === 'remove' && change.names.includes(name)) return undefined
      const isBound = change.type === 'bind' || change.type === 'rebind'
      if (isBound && change.name === name) return change.digest
      if (change.type === 'put' && change.names.includes(name)) return change.digest
    }
    return undefined
  }

  /** Did a key exist all the time since then? */
  existedSince(digest: Digest, from: number): boolean {
    const lives = this.#lives.get(toHex(digest)) ?? []
    return lives.some((life) => life.from < from && life.to === Infinity)
  }

  /** Keys that exist, as hex. */
  existing(): string[] {
    const keys = new Set<string>()
    for (const { change } of this.history.changes) {
      if (change.type === 'put') keys.add(toHex(change.digest))
      if (change.type === 'remove') keys.delete(toHex(change.digest))
    }
    return [...keys]
  }

  historyOf({ runId }: Position): History {
    return this.#runs.get(toHex(runId))!
  }

  at(position: Position): Applied {
    return { history: this.historyOf(position), seq: position.seq }
  }

  /** Is what was known in one history also so in another? */
  #belongs({ incarnation, history }: Known, to: History): boolean {
    for (let at: History | undefined = to, upto = Infinity; at !== undefined;) {
      if (at === history) return incarnation <= upto
      upto = Math.min(upto, at.parent?.seq ?? 0)
      at = at.parent?.history
    }
    return false
  }

  /** Did this cease to exist after `known`, by the change `upto` at the latest? The seq of that. */
  #lostAt(known: Known, { history, seq: upto }: Applied, what: string): number | undefined {
    const seqs = history.losses.get(what)
    if (seqs === undefined || !this.#belongs(known, history)) return undefined
    return seqs.find((seq) => seq > known.incarnation && seq <= upto)
  }

  /**
   * A Local says that it has applied everything up to a position: it must not hold what that kills.
   */
  holds(who: string, at: Applied, digest: Digest, known: Known): void {
    const lost = this.#lostAt(known, at, keyOf(digest))
    if (lost !== undefined) {
      this.fail(
        `${who} holds ${toHex(digest).slice(0, 2)}@${known.incarnation}, but has applied its removal at ${lost}`,
      )
    }
  }

  remembers(who: string, at: Applied, name: string, known: Known): void {
    const lost = this.#lostAt(known, at, nameOf(name))
    if (lost !== undefined)
      this.fail(`${who} remembers ${name}@${known.incarnation}, unbound at ${lost}`)
  }

  /** A Local would serve this peer, and says that it has applied everything up to a position. */
  mayServe(who: string, at: Applied, peer: string): void {
    const { losses } = at.history
    const expelled = losses.get(expelledOf(peer))?.findLast((seq) => seq <= at.seq)
    const admitted = losses.get(admittedOf(peer))?.at(-1) ?? 0
    if (expelled === undefined || admitted > expelled) return
    this.fail(`${who} would serve ${peer}, but has applied its expulsion at ${expelled}`)
  }

  /** A removal was answered: everybody who is registered has let go of it. */
  completed(removal: { seq: number; digest: Digest | undefined; names: readonly string[] }): void {
    // A removal that is asked for again names the highest seq that the first can have (R004-22): a
    // put may have come between the two.
    const { digest } = removal
    const seqs = digest === undefined ? [] : (this.history.losses.get(keyOf(digest)) ?? [])
    const seq = seqs.findLast((one) => one <= removal.seq) ?? removal.seq
    this.#complete.push({ ...removal, seq, history: this.history })
  }

  /** A removal that took this with a tree was answered: its last loss up to then counts. */
  completedBelow(token: number, seq: number): void {
    const digest = digestOf(token)
    const isLost = this.history.losses.get(keyOf(digest))?.some((one) => one <= seq) === true
    if (isLost) this.completed({ seq, digest, names: [] })
  }

  /** Something is about to be served by a Local that Global counts on, or is held there. */
  serves(who: string, digest: Digest, known: Known): void {
    for (const { seq, history, digest: gone } of this.#complete) {
      if (known.incarnation >= seq || history !== this.history) continue
      if (gone !== undefined && equal(gone, digest) && this.#belongs(known, history)) {
        this.fail(
          `${who} serves ${toHex(digest).slice(0, 2)}@${known.incarnation} after its removal at ${seq} was complete`,
        )
      }
    }
  }

  /** A Local that thinks itself up to date serves this: it existed a moment ago. */
  isCurrent(who: string, digest: Digest, slackMs: number): void {
    const lives = this.#lives.get(toHex(digest)) ?? []
    if (lives.some(({ to }) => to >= this.#world.now - slackMs)) return
    this.fail(
      `${who} serves ${toHex(digest).slice(0, 2)} as current, long after it ceased to exist`,
    )
  }

  /** A Local that thinks itself up to date answers that a name is bound: it was, a moment ago. */
  isCurrentName(who: string, name: string, known: Known, slackMs: number): void {
    const lost = this.#lostAt(known, { history: this.history, seq: Infinity }, nameOf(name))
    if (lost === undefined) return
    const { at } = this.history.changes[lost - 1]!
    if (this.#world.now - at <= slackMs) return
    this.fail(`${who} answers ${name}@${known.incarnation} as current, long after it was unbound`)
  }

  /** A Local answers from its memory for a name of which a caller there was told a later change. */
  readsOwnWrite(who: string, name: string, known: Known, written: Applied): void {
    const lost = this.#lostAt(known, written, nameOf(name))
    if (lost === undefined) return
    this.fail(`${who} answers ${name}@${known.incarnation}, and told of its change at ${lost}`)
  }

  /** The first change after this seq that bound the name to this key. */
  boundAfter(name: string, digest: Digest, seq: number): number | undefined {
    const index = this.history.changes.findIndex(({ change }, i) => {
      const binds =
        ((change.type === 'bind' || change.type === 'rebind') && change.name === name) ||
        (change.type === 'put' && change.names.includes(name))
      return i >= seq && binds && equal(change.digest, digest)
    })
    return index === -1 ? undefined : index + 1
  }

  /** Under a lease nothing is served for longer than that after it ceased to exist. */
  isWithinLease(who: string, digest: Digest, known: Known, mostMs: number): void {
    if (!this.#belongs(known, this.history)) return
    const { changes } = this.history
    const lost = this.#lostAt(known, { history: this.history, seq: Infinity }, keyOf(digest))
    if (lost !== undefined && this.#world.now - changes[lost - 1]!.at > mostMs) {
      this.fail(
        `${who} serves ${toHex(digest).slice(0, 2)} beyond its lease after its removal at ${lost}`,
      )
    }
  }

  #markAll(): void {
    const now = new Set(this.existing())
    for (const text of new Set([...this.#lives.keys(), ...now])) this.#mark(text, now.has(text))
  }

  #mark(text: string, exists: boolean): void {
    const lives = this.#lives.get(text) ?? []
    this.#lives.set(text, lives)
    const last = lives.at(-1)
    const alive = last !== undefined && last.to === Infinity
    if (exists && !alive) lives.push({ from: this.#world.now, to: Infinity })
    if (!exists && alive) last.to = this.#world.now
  }
}
