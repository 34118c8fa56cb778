/**
 * What must be so of names, tags, expiry and operations (specs/004-index.md, R004-115 to R004-129):
 * of each transaction, of the rows after it, and of each answer.
 */
import { equal, toHex } from '../../../src/bytes.ts'
import type { Body, Digest, Found, Naming, Request, Target } from '../../../src/index/message.ts'
import { decodeChange, type Change } from '../../../src/index/records/change-record.ts'
import { KEEP_ROWS } from '../../../src/index/records/keep-record.ts'
import { decodeBinding, type NameRecord } from '../../../src/index/records/name-record.ts'
import { nameRow } from '../../../src/index/records/record.ts'
import { nameOf } from '../../../src/index/name.ts'
import { DOUBT_MS, TAG_HISTORY } from '../../../src/limits.ts'
import type { Transaction } from '../../../src/store/store.ts'
import type { Oracle } from '../oracle.ts'
import type { SimClock } from '../sim-clock.ts'
import type { SimStore } from '../sim-store.ts'
import type { World } from '../world.ts'
import {
  boundRows,
  expiryRows,
  faultsOfKept,
  faultsOfRows,
  keptTargets,
  type KeptTarget,
} from './names-rows.ts'
import { IN_FLIGHT_MS, RulesOracle } from './rules-oracle.ts'
import { NameStates, type NameState } from './name-states.ts'
import { WallWatch } from './wall-watch.ts'

/** How long what goes on in the background may take once it is due. */
const LATE_MS = 12_000

/** Moves are answered within so much of what they need; and so imprecise is what was heard last. */
const HEARD_MS = 700

/** When a request was made, by true time and by Global's wall clock. */
export interface Asked {
  readonly at: number
  readonly wallMs: number
  readonly steps: number
}

interface Kept {
  /** By true time, and by Global's elapsed clock. */
  readonly at: number
  readonly elapsedMs: number
  readonly keepMs: number
}

/** When a Local was heard by Global's elapsed clock: at all, and after the hello. */
interface Heard {
  at: number
  afterHello: number
}

export interface NamesOracleOptions {
  readonly world: World
  readonly oracle: Oracle
  readonly store: SimStore
  readonly clock: SimClock
  /** Global's elapsed clock, in this run. */
  readonly now: () => number
  /** How long clocks must agree before wall time is trusted. */
  readonly settledMs: number
}

const named = { digest: new Uint8Array(32), directory: false }

const isTo = (record: NameRecord | undefined, { digest, directory = false }: Target): boolean =>
  record !== undefined && equal(record.digest, digest) && record.directory === directory

const textOf = (target: Target | NameRecord = named): string => String(target.digest[0])

export class NamesOracle {
  readonly states: NameStates
  readonly wall: WallWatch
  readonly rules: RulesOracle
  readonly #options: NamesOracleOptions
  /** What callers asked for, by operation. */
  readonly #operations = new Map<string, Naming | undefined>()
  /** By the id of its row: when a target began to be kept in this run, and for how long. */
  readonly #kept = new Map<string, Kept>()
  readonly #unbound = new Set<string>()
  readonly #forced = new Set<number>()
  /** When Global heard a Local last, in this run. */
  readonly #heard = new Map<string, Heard>()
  #run = 0

  constructor(options: NamesOracleOptions) {
    const { world, clock, settledMs } = options
    this.#options = options
    this.states = new NameStates(world)
    this.wall = new WallWatch(world, clock, settledMs)
    this.rules = new RulesOracle(world, options.store, this.wall)
  }

  /** Global begins a run, with the change of this seq, on the rows as they are. */
  began(run: number): void {
    this.#run = run
    this.#kept.clear()
    this.#heard.clear()
    this.wall.began()
    this.rules.began()
    const bound = new Map(boundRows(this.#options.store).map((one) => [one.name, one]))
    for (const name of new Set([...bound.keys(), ...this.states.names()])) {
      const { version = 0, record } = bound.get(name) ?? {}
      this.states.is(name, version, record)
    }
  }

  /** Its machine wakes up. */
  woke(): void {
    this.wall.woke()
    this.rules.began()
  }

  heard(peer: string, type: Body['type']): void {
    const at = this.#options.now()
    const { afterHello = -Infinity } = this.#heard.get(peer) ?? {}
    this.#heard.set(peer, { at, afterHello: type === 'hello' ? afterHello : at })
  }

  asked(): Asked {
    const { world, clock } = this.#options
    return { at: world.now, wallMs: clock.wall(), steps: clock.steps }
  }

  /** A caller is about to send this. */
  asks(request: Request): void {
    if (request.type === 'unbind') this.#unbound.add(request.name)
    if (request.type === 'remove' && request.force) this.#forced.add(request.digest[0]!)
    if ('operation' in request && request.operation !== undefined) {
      this.#operations.set(toHex(request.operation), request.naming)
    }
  }

  /** What is wrong with a transaction that is about to be tried, if its conditions hold. */
  faultOf({ entry, writes }: Transaction): string | undefined {
    if (entry === undefined) return undefined
    const { change } = decodeChange(entry)
    const ended = this.#endedBy(writes)
    switch (change.type) {
      case 'put':
        return change.names.map((name) => this.#faultOfBinding(name, change)).find(Boolean)
      case 'bind':
      case 'rebind':
        return this.#faultOfBinding(change.name, change)
      case 'unbind':
        return this.#faultOfUnbinding(change)
      case 'remove':
        return this.#faultOfRemoval(change, ended)
      default:
        return undefined
    }
  }

  #record(name: string): NameRecord | undefined {
    const row = this.#options.store.get(nameRow(name))
    return row && decodeBinding(row)
  }

  #faultOfBinding(
    name: string,
    change: Change & { readonly type: 'put' | 'bind' | 'rebind' },
  ): string | undefined {
    const before = this.#record(name)
    const moved = 'moved' in change ? change.moved : undefined
    if (moved === undefined) {
      return before === undefined ? undefined : `${name} is bound, and bound already`
    }
    if (!isTo(before, moved.previous)) {
      return `${name} moves from ${textOf(moved.previous)}, and is bound to ${textOf(before)}`
    }
    const isElsewhere = !isTo(before, change)
    if (isElsewhere && before!.tag !== true) return `${name} is fixed, and moves`
    return undefined
  }

  #faultOfUnbinding({ names, digest, why }: Change & { type: 'unbind' }): string | undefined {
    for (const name of names) {
      const before = this.#record(name)
      if (before === undefined) return `${name} is unbound, and not bound`
      if (!equal(before.digest, digest)) return `${name} is unbound from what it is not bound to`
      const fault = this.#faultOfGone(name, before, why)
      if (fault !== undefined) return fault
    }
    return undefined
  }

  /** Nobody asked, and it has not expired. */
  #faultOfGone(name: string, record: NameRecord, why: string | undefined): string | undefined {
    const { expiresMs, digest } = record
    if (why === 'expired') {
      if (expiresMs === undefined) return `${name} is unbound for its expiry, and has none`
      const fault = this.wall.faultOf(expiresMs)
      return fault === undefined ? undefined : `${name} is unbound for its expiry ${fault}`
    }
    if (why === 'rule') {
      const version = this.#options.store.get(nameRow(name))?.version ?? 0
      const fault = this.rules.faultOfDrop(name, record, version)
      return fault === undefined ? undefined : `${name} is unbound by a rule, ${fault}`
    }
    if (why !== undefined) return `${name} is unbound for the reason ${why}`
    const isAsked = this.#unbound.has(name) || this.#forced.has(digest[0]!)
    return isAsked ? undefined : `${name} is unbound, and nobody asked for that`
  }

  #faultOfRemoval(
    { digest, names, why }: Change & { type: 'remove' },
    ended: readonly KeptTarget[],
  ): string | undefined {
    const token = digest[0]!
    const kept = keptTargets(this.#options.store).filter((one) => equal(one.digest, digest))
    const others = kept.filter(({ id }) => !ended.some((one) => equal(one.id, id)))
    if (others.length > 0 && !this.#forced.has(token)) return `${token} is removed while it is kept`
    if (why === 'moved') {
      const own = ended.filter((one) => equal(one.digest, digest))
      if (own.length === 0) return `${token} is removed as a replaced target, and was not kept`
      return names.length > 0 ? `${token} is removed as replaced, and has names` : undefined
    }
    for (const name of names) {
      const fault = this.#faultOfGone(name, this.#record(name) ?? { ...named, digest }, why)
      if (fault !== undefined) return fault
    }
    return undefined
  }

  /** Targets whose time a transaction ends. */
  #endedBy(writes: Transaction['writes']): KeptTarget[] {
    const gone = writes.filter(({ key, value }) => value === undefined && key.table === 'meta')
    return keptTargets(this.#options.store).filter(({ id }) =>
      gone.some(({ key }) => equal(key.id, id)),
    )
  }

  /** A target is given up too early. */
  #faultOfEnd({ id, untilMs, run, digest }: KeptTarget): string | undefined {
    const { world } = this.#options
    const own = this.#kept.get(toHex(id))
    if (run === this.#run && own !== undefined) {
      const lasted = world.now - own.at
      if (lasted >= own.keepMs * 0.985) return undefined
      return `${digest[0]} is kept for ${lasted} ms, and not for ${own.keepMs}`
    }
    const fault = this.wall.faultOf(untilMs)
    return fault === undefined ? undefined : `${digest[0]} is kept no longer ${fault}`
  }

  /** What a transaction is about to replace, for `applied`. */
  before(transaction: Transaction): () => void {
    const faults = [this.faultOf(transaction)]
    for (const one of this.#endedBy(transaction.writes)) faults.push(this.#faultOfEnd(one))
    const names = transaction.writes.flatMap(({ key }) =>
      key.table === 'names' ? nameOf(key) : [],
    )
    const records = new Map(names.map((name) => [name, this.#record(name)]))
    return () => this.#applied(transaction, faults, records)
  }

  #applied(
    { writes, entry }: Transaction,
    faults: readonly (string | undefined)[],
    before: ReadonlyMap<string, NameRecord | undefined>,
  ): void {
    const { store } = this.#options
    for (const [name, old] of before) {
      const row = store.get(nameRow(name))
      const record = row && decodeBinding(row)
      this.states.is(name, row?.version ?? 0, record)
      this.#check(faultOfSuccessor(name, old, record))
    }
    for (const { key, value } of writes) {
      if (value !== undefined && startsWith(key.id, KEEP_ROWS)) this.#keeps(key.id, entry)
    }
    const all = [...faults, ...faultsOfRows(store), ...this.rules.faults(this.#isSurprise(entry))]
    for (const one of all) this.#check(one)
  }

  /** It binds a key that came into being a moment ago. */
  #isSurprise(entry: Uint8Array | undefined): boolean {
    const { oracle, world } = this.#options
    const change = entry && decodeChange(entry).change
    const isBound = change?.type === 'bind' || change?.type === 'rebind'
    return isBound && !oracle.existedSince(change.digest, world.now - IN_FLIGHT_MS)
  }

  #keeps(id: Uint8Array, entry: Uint8Array | undefined): void {
    const change = entry && decodeChange(entry).change
    const operation = change !== undefined && 'operation' in change ? change.operation : undefined
    const naming = operation && this.#operations.get(toHex(operation))
    const keepMs = naming?.keepMs
    const { world, now } = this.#options
    if (keepMs !== undefined) {
      this.#kept.set(toHex(id), { at: world.now, elapsedMs: now(), keepMs })
    }
  }

  /** The answer to a look-up at Global. */
  lookedUp(name: string, found: Found | undefined, asked: Asked): void {
    const states = this.states.since(name, asked.at)
    if (states.some((state) => this.#isAnswer(state, found, asked))) return
    const what = found === undefined ? 'not bound' : `${textOf(found)}@${found.incarnation}`
    this.#fail(`${name} is answered as ${what}, which it was not meanwhile`)
  }

  #isAnswer(
    { seq, record }: NameState,
    found: Found | undefined,
    { wallMs, steps }: Asked,
  ): boolean {
    const { clock } = this.#options
    const { expiresMs = Infinity } = record ?? {}
    const wasSet = clock.steps !== steps
    if (found === undefined) return record === undefined || wasSet || expiresMs <= clock.wall() + 1
    if (seq !== found.incarnation || !isTo(record, found)) return false
    return wasSet || wallMs < expiresMs
  }

  /** The answer to a request for the history of a tag. */
  told(name: string, targets: readonly Target[], asked: Asked): void {
    const states = this.states.since(name, asked.at)
    const isOne = states.some(({ record }) => {
      if (targets.length === 0) return true
      const all = record === undefined ? [] : [record, ...(record.history ?? [])]
      return (
        all.length === targets.length && all.every((one, i) => isTo(one as NameRecord, targets[i]!))
      )
    })
    if (!isOne) this.#fail(`the history of ${name} is answered as ${targets.map(textOf).join()}`)
  }

  /** The answer to a request that binds a name or moves a tag. `asked`: when it was sent first. */
  answered(request: Request & { type: 'bind' | 'rebind' }, body: Body, asked: Asked): void {
    const { name, digest } = request
    const wanted = { digest, directory: request.directory === true }
    if (body.type === 'binding' || body.type === 'rebound') {
      const found = body.found!
      const isSo = this.states.ever(name).some(({ seq, record }) => {
        return seq === found.incarnation && isTo(record, wanted)
      })
      if (!isSo) this.#fail(`${name} is answered as bound at ${found.incarnation}, and was not`)
    }
    if (body.type !== 'failure') return
    const { oracle } = this.#options
    if (body.code === 'not-found' && oracle.existedSince(digest, asked.at)) {
      this.#fail(`${name} is refused ${digest[0]} as not found, which existed all the time`)
    }
    if (body.code === 'conflict' && !this.#isConflict(request, asked)) {
      this.#fail(`${name} is refused as a conflict, and there was none: ${body.message}`)
    }
  }

  #isConflict(request: Request & { type: 'bind' | 'rebind' }, asked: Asked): boolean {
    const { name, type, naming } = request
    const isTag = type === 'rebind' || naming?.tag === true
    const wanted = { digest: request.digest, directory: request.directory === true }
    return this.states.since(name, asked.at).some(({ record }) => {
      if (record === undefined) return false
      if ((record.tag === true) !== isTag || record.expiresMs !== undefined) return true
      return type === 'bind' && !isTo(record, wanted)
    })
  }

  /** A Local answers a name from its own bindings. */
  answers(
    who: string,
    name: string,
    own: { digest: Digest; incarnation: number; expiresMs?: number | undefined },
  ): void {
    const known = this.states.ever(name).filter(({ seq }) => seq === own.incarnation)
    const isSo = known.some(({ record }) => {
      return isTo(record, { digest: own.digest }) && record?.expiresMs === own.expiresMs
    })
    const what = `${name}@${own.incarnation} as ${own.digest[0]}, until ${own.expiresMs}`
    if (!isSo) this.#fail(`${who} answers ${what}, and it was never bound so`)
  }

  /** A move is answered: these Locals of the register were not heard for a while. */
  movedWithout(silent: readonly string[], registered: readonly string[]): void {
    const now = this.#options.now()
    for (const peer of registered) {
      const heard = this.#heard.get(peer)
      if (heard === undefined) continue
      const isNamed = silent.includes(peer)
      if (!isNamed && now - heard.at > DOUBT_MS + HEARD_MS) {
        this.#fail(`a move does not name ${peer}, which was not heard for ${now - heard.at} ms`)
      }
      if (isNamed && now - heard.afterHello < DOUBT_MS - HEARD_MS) {
        this.#fail(`a move names ${peer}, which was heard ${now - heard.afterHello} ms ago`)
      }
    }
  }

  /** When all is quiet: what was due is done. `isTrusted`: Global may delete by its wall clock. */
  atRest(isTrusted: boolean): void {
    const { store, clock, now } = this.#options
    for (const one of [...faultsOfKept(store), ...this.rules.faultsAtRest()]) this.#fail(one)
    for (const { id, digest } of keptTargets(store)) {
      const own = this.#kept.get(toHex(id))
      const leftMs = own === undefined ? Infinity : own.elapsedMs + own.keepMs - now()
      if (leftMs < -LATE_MS) this.#fail(`${digest[0]} is kept ${-leftMs} ms beyond its time`)
    }
    if (!isTrusted || !this.wall.isSettledFor(LATE_MS)) return
    const dueMs = clock.wall() - LATE_MS
    for (const { name, record } of boundRows(store)) {
      if ((record.expiresMs ?? Infinity) < dueMs) this.#fail(`${name} has expired, and stays bound`)
    }
    for (const { atMs, name } of expiryRows(store)) {
      if (atMs < dueMs) this.#fail(`a row says that ${name} expires, long after that`)
    }
    for (const { id, digest, untilMs } of keptTargets(store)) {
      if (untilMs < dueMs && !this.#kept.has(toHex(id))) {
        this.#fail(`${digest[0]} is kept by an earlier run beyond its time`)
      }
    }
  }

  #check(fault: string | undefined): void {
    if (fault !== undefined) this.#fail(fault)
  }

  #fail(what: string): void {
    this.#options.oracle.fail(what)
  }
}

/** How a name may change in one transaction. */
function faultOfSuccessor(
  name: string,
  old: NameRecord | undefined,
  now: NameRecord | undefined,
): string | undefined {
  if (old === undefined || now === undefined) return undefined
  if ((old.tag === true) !== (now.tag === true)) return `${name} changes its kind`
  const before = [old, ...(old.history ?? [])]
  const after = now.history ?? []
  const isSame = isTo(now, old)
  const wanted = (isSame ? before.slice(1) : before).slice(0, TAG_HISTORY - 1)
  const isHistory =
    after.length === wanted.length && after.every((one, i) => isTo(one as NameRecord, wanted[i]!))
  return isHistory ? undefined : `the history of ${name} is not what it was bound to`
}

function startsWith(id: Uint8Array, prefix: Uint8Array): boolean {
  return id.byteLength > prefix.byteLength && equal(id.subarray(0, prefix.byteLength), prefix)
}
