/**
 * Who is asked for which part of a value, as a state machine without I/O (specs/003-transfer.md, "Many holders").
 *
 * Participants: Global, which holds everything, and Locals, which hold some and fetch the rest themselves at the same
 * time. Goals: Global sends each part about once, however many Locals want the value; work is taken back from the
 * slow; a lone Local gets long runs in order. Non-goals: what went wrong with a source (the driver says that it left),
 * and whether bytes are true (only what was proved counts as come).
 */
import type { Bitfield } from '../../hash/tree/bitfield.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import {
  FETCH_RANGES,
  FETCH_RUN_BYTES,
  PARTS_AHEAD,
  SOURCE_PATIENCE_MS,
  SOURCE_STALL_MS,
  SOURCE_TASKS,
} from '../../limits.ts'
import { WantedParts, joined, lengthOf, partBytesOf } from './parts.ts'
import { Source, type SourceId } from './source.ts'

export type ScheduleEvent =
  /** Fetch these ranges, the first of them most urgently; what was wanted before is not any more. */
  | { readonly type: 'want'; readonly ranges: readonly ByteRange[]; readonly now: number }
  | { readonly type: 'joined'; readonly source: SourceId; readonly now: number }
  | { readonly type: 'left'; readonly source: SourceId; readonly now: number }
  /** Every other Local that Global names for this value, whether it is a source or not. */
  | { readonly type: 'company'; readonly peers: readonly SourceId[]; readonly now: number }
  /** A source said which runs it holds. */
  | {
      readonly type: 'holds'
      readonly source: SourceId
      readonly runs: readonly ByteRange[]
      readonly now: number
    }
  /** Proved bytes came, and are held. */
  | { readonly type: 'came'; readonly task: number; readonly bytes: number; readonly now: number }
  /** All that the task asked for came, or the source says that it does not hold it. */
  | { readonly type: 'ended'; readonly task: number; readonly now: number }
  | { readonly type: 'refused'; readonly task: number; readonly now: number }
  | { readonly type: 'tick'; readonly now: number }

export type ScheduleEffect =
  | {
      readonly type: 'fetch'
      readonly task: number
      readonly source: SourceId
      readonly ranges: readonly ByteRange[]
    }
  /** Give this task up: it is not heard of again. */
  | { readonly type: 'stop'; readonly task: number }
  /** Let it say what it holds. */
  | { readonly type: 'ask'; readonly source: SourceId }

export interface ScheduleOptions {
  readonly self: SourceId
  readonly global: SourceId
  readonly held: Bitfield
  /** From 0 to 1. */
  readonly random: () => number
  readonly partBytes?: number
}

interface Task {
  readonly id: number
  readonly source: Source
  /** Not done, in the order in which they come. */
  readonly parts: number[]
  /** Parts at its end were given to others: it is stopped when those before have come. */
  cut: boolean
  heardAt: number
}

/** Among how many free parts one is chosen, and how many parts are looked at for that. */
const WINDOW_PARTS = 64
const SEEN_PARTS = 1024

/** A task is taken back if another source would need less than half the time, and it saves this much, in ms. */
const WORTH_MS = 100

/** Where parts take long, the others are waited for as long as so many parts take, and at most so many milliseconds. */
const PATIENCE_PARTS = 4
const MOST_PATIENCE_MS = 3000

/** More sources than these are asked for one part at a time. */
const FEW_SOURCES = 4

/** A holder that gives so many times less than the best source is not relied on for what nobody else has. */
const MUCH_SLOWER = 10

export class Schedule {
  readonly #options: ScheduleOptions
  readonly #seed: number
  readonly #wanted: WantedParts
  readonly #sources = new Map<SourceId, Source>()
  readonly #tasks = new Map<number, Task>()
  /** By part: the task that is to bring it. */
  readonly #taken = new Map<number, Task>()
  /** The other Locals that want or hold the value; undefined until Global has said who they are. */
  #company: readonly { readonly id: SourceId; readonly seed: number }[] | undefined
  /** Sources that are no more: they bring nothing in. */
  readonly #gone = new Set<SourceId>()
  /** Parts of the next run while alone: it doubles from one, so that company finds little in flight. */
  #runParts = 1
  #lastTask = 0
  #effects: ScheduleEffect[] = []

  constructor(options: ScheduleOptions) {
    this.#options = options
    const { self, held, partBytes = partBytesOf(held.size) } = options
    this.#seed = seedOf(self)
    this.#wanted = new WantedParts(held, partBytes)
  }

  /** Is anything wanted that is not held? */
  get busy(): boolean {
    return this.#wanted.count > 0
  }

  handle(event: ScheduleEvent): ScheduleEffect[] {
    this.#effects = []
    const { now } = event
    switch (event.type) {
      case 'want':
        this.#want(event.ranges, now)
        break
      case 'joined': {
        const isGlobal = event.source === this.#options.global
        this.#gone.delete(event.source)
        if (this.#sources.has(event.source)) break
        this.#sources.set(event.source, new Source(event.source, isGlobal, now))
        break
      }
      case 'left':
        this.#left(event.source, now)
        break
      case 'company':
        this.#company = event.peers.map((id) => ({ id, seed: seedOf(id) }))
        if (event.peers.length > 0) this.#runParts = 1
        break
      case 'holds': {
        const { held } = this.#options
        const source = this.#sources.get(event.source)
        if (source?.isGlobal === false) {
          source.holds(event.runs, held.size, this.#wanted.partBytes, now)
        }
        break
      }
      case 'came':
        // While nothing is complete, nobody has anything else to do than before.
        if (!this.#came(event.task, event.bytes, now)) return this.#effects
        break
      case 'ended':
      case 'refused':
        this.#ended(event.task, event.type === 'refused', now)
        break
      case 'tick':
        this.#takeFromStalled(now)
        break
    }
    this.#assign(now)
    return this.#effects
  }

  #want(ranges: readonly ByteRange[], now: number): void {
    this.#wanted.want(ranges)
    for (const task of this.#tasks.values()) {
      if (task.parts.every((part) => !this.#wanted.has(part))) this.#stop(task, now)
    }
  }

  #left(id: SourceId, now: number): void {
    const source = this.#sources.get(id)
    this.#sources.delete(id)
    this.#gone.add(id)
    for (const task of source?.tasks ?? []) this.#stop(this.#tasks.get(task)!, now)
  }

  /** Did it complete a part? */
  #came(id: number, bytes: number, now: number): boolean {
    const task = this.#tasks.get(id)
    if (task === undefined) return false
    task.heardAt = now
    task.source.gave(bytes, now)
    const before = task.parts.length
    while (task.parts.length > 0 && this.#wanted.settle(task.parts[0]!)) this.#give(task)
    if (task.cut && task.parts.length === 0) this.#stop(task, now)
    return task.parts.length < before
  }

  #ended(id: number, refused: boolean, now: number): void {
    const task = this.#tasks.get(id)
    if (task === undefined) return
    for (const part of task.parts) {
      this.#wanted.settle(part)
      if (refused) task.source.lacks(part)
    }
    this.#forget(task, now)
  }

  /** The first part of a task is done with. */
  #give(task: Task): void {
    const part = task.parts.shift()!
    if (this.#taken.get(part) === task) this.#taken.delete(part)
  }

  #stop(task: Task, now: number): void {
    this.#effects.push({ type: 'stop', task: task.id })
    this.#forget(task, now)
  }

  #forget(task: Task, now: number): void {
    while (task.parts.length > 0) this.#give(task)
    this.#tasks.delete(task.id)
    task.source.ends(task.id, now)
  }

  /** Who gives nothing for a while loses its work, if somebody else can do it. */
  #takeFromStalled(now: number): void {
    for (const task of this.#tasks.values()) {
      if (now - task.heardAt < SOURCE_STALL_MS) continue
      const others = [...this.#sources.values()].filter((source) => source !== task.source)
      if (!others.some((source) => !source.isResting(now) && source.has(task.parts[0]!))) continue
      task.source.stalled(now)
      this.#stop(task, now)
    }
  }

  #assign(now: number): void {
    const holders = [...this.#sources.values()].filter(({ isGlobal }) => !isGlobal)
    for (const source of holders) {
      while (this.#hasRoom(source, now) && this.#assignTo(source, this.#choose(source), now));
      if (!source.complete && source.tasks.size < this.#tasksEach && this.busy) {
        if (source.asks(now)) this.#effects.push({ type: 'ask', source: source.id })
      }
    }
    const global = this.#sources.get(this.#options.global)
    if (global === undefined) return
    while (this.#hasRoom(global, now)) {
      const parts = this.#alone ? this.#run() : this.#chooseOfGlobal(global, holders, now)
      if (!this.#assignTo(global, parts, now)) break
    }
  }

  get #alone(): boolean {
    const company = this.#company ?? []
    return this.#sources.size < 2 && company.every(({ id }) => this.#gone.has(id))
  }

  /** With many sources none need be asked ahead: while one is asked, others give. */
  get #tasksEach(): number {
    return this.#sources.size > FEW_SOURCES ? 1 : SOURCE_TASKS
  }

  #hasRoom(source: Source, now: number): boolean {
    if (source.isResting(now)) return false
    if (!source.isGlobal || !this.#alone) return source.tasks.size < this.#tasksEach
    // Whoever begins at the same moment asks for the same: one part each, until it is known who they are.
    if (this.#company === undefined) {
      return source.tasks.size === 0 && (this.#lastTask === 0 || this.#waited(source, now))
    }
    // A run follows another without a gap; more at once would only come out of order.
    const left = [...source.tasks].reduce((sum, id) => sum + this.#tasks.get(id)!.parts.length, 0)
    return source.tasks.size < SOURCE_TASKS && left <= PARTS_AHEAD
  }

  #assignTo(source: Source, chosen: readonly number[], now: number): boolean {
    let parts = chosen
    if (parts.length === 0) {
      const part = this.#takeBackFor(source, now)
      return part !== undefined && this.#assignTo(source, [part], now)
    }
    // What a task brings beyond its own parts may have completed these.
    parts = parts.filter((part) => !this.#wanted.settle(part))
    if (parts.length === 0) return true
    const ranges = joined(parts.flatMap((part) => this.#wanted.missing(part)))
    if (ranges.length > FETCH_RANGES && parts.length > 1) {
      return this.#assignTo(source, parts.slice(0, 1), now)
    }
    const task: Task = { id: ++this.#lastTask, source, parts: [...parts], cut: false, heardAt: now }
    this.#tasks.set(task.id, task)
    for (const part of parts) this.#taken.set(part, task)
    source.begins(task.id, now)
    this.#effects.push({
      type: 'fetch',
      task: task.id,
      source: source.id,
      ranges: ranges.slice(0, FETCH_RANGES),
    })
    return true
  }

  /** Alone: as many as follow one another, more each time. */
  #run(): number[] {
    const parts: number[] = []
    for (const part of this.#wanted.keys()) {
      if (this.#taken.has(part)) continue
      if (parts.length > 0 && part !== parts.at(-1)! + 1) break
      parts.push(part)
      if (parts.length === this.#runParts) break
    }
    const most = Math.max(1, FETCH_RUN_BYTES / this.#wanted.partBytes)
    const grows = this.#company !== undefined && parts.length === this.#runParts
    if (grows) this.#runParts = Math.min(most, 2 * this.#runParts)
    return parts
  }

  /** Of a holder: what the caller waits for, else what the fewest others have. */
  #choose(source: Source): number[] {
    let best: number | undefined
    let fewest = Infinity
    let equals = 0
    let free = 0
    let seen = 0
    for (const part of this.#wanted.keys()) {
      if (++seen > SEEN_PARTS || free >= WINDOW_PARTS) break
      if (this.#taken.has(part) || !source.has(part)) continue
      if (seen === 1) return [part]
      free++
      const holders = this.#holdersOf(part)
      if (holders < fewest) equals = 0
      if (holders > fewest) continue
      fewest = holders
      // Among equals each is as likely: Locals that know the same shall not choose the same.
      if (this.#options.random() * ++equals < 1) best = part
    }
    return best === undefined ? [] : [best]
  }

  /**
   * In company: the parts that are this Local's to bring in, so that no two fetch the same; when it has waited for the
   * others for a while, theirs. What holders have is theirs to give, unless they are much slower than others.
   */
  #chooseOfGlobal(global: Source, holders: readonly Source[], now: number): number[] {
    if (holders.some((source) => source.isAwaited(now))) return []
    const best = Math.max(...[...this.#sources.values()].map(({ rate = 0 }) => rate))
    const slow = (source: Source): boolean =>
      source.isResting(now) || (source.rate ?? best) * MUCH_SLOWER < best
    const quick = holders.filter((source) => !slow(source))
    const lame = new Set(holders.filter(slow).map(({ id }) => id))
    const able = (this.#company ?? []).filter(({ id }) => !lame.has(id) && !this.#gone.has(id))
    const seeds = able.map(({ seed }) => seed)
    const waited = this.#waited(global, now)
    let next: number | undefined
    let lowest = Infinity
    let seen = 0
    for (const part of this.#wanted.keys()) {
      if (++seen > SEEN_PARTS) break
      if (this.#taken.has(part) || quick.some((source) => source.has(part))) continue
      const rank = this.#rank(part, seeds)
      if (rank === 0) return [part]
      if (!waited || rank >= lowest) continue
      lowest = rank
      next = part
    }
    return next === undefined ? [] : [next]
  }

  /** How many Locals come before this one in the order, which all compute alike, of who brings a part in. */
  #rank(part: number, seeds: readonly number[]): number {
    const mine = weight(this.#seed, part)
    return seeds.reduce((rank, seed) => rank + (weight(seed, part) > mine ? 1 : 0), 0)
  }

  #holdersOf(part: number): number {
    let count = 0
    for (const source of this.#sources.values()) if (!source.isGlobal && source.has(part)) count++
    return count
  }

  /**
   * For a source with nothing to do: a part that a much slower one is at, or will not reach for long. The time of Global
   * is everybody's: what it saves one Local it may cost each of the others.
   */
  #takeBackFor(source: Source, now: number): number | undefined {
    if (source.isGlobal && !this.#waited(source, now)) return undefined
    const wanting = source.isGlobal ? Math.max(1, this.#company?.length ?? 0) : 1
    let slowest: Task | undefined
    let longestMs = 0
    for (const task of this.#tasks.values()) {
      const part = task.parts.at(-1)
      if (part === undefined || task.source === source || !source.has(part)) continue
      const bytes = lengthOf(this.#wanted.missing(part))
      const before = (task.parts.length - 1) * this.#wanted.partBytes
      const theirs = Math.max(0.001, this.#rateOf(task, now) / task.source.tasks.size)
      const theirsMs = (before + bytes) / theirs
      const oursMs = bytes / (source.rate ?? theirs)
      if (theirsMs < wanting * (2 * oursMs + WORTH_MS) || theirsMs < longestMs) continue
      slowest = task
      longestMs = theirsMs
    }
    return slowest === undefined ? undefined : this.#takeLast(slowest, now)
  }

  /** The last part of a task, which is another's from here on. */
  #takeLast(task: Task, now: number): number {
    const part = task.parts.at(-1)!
    if (task.parts.length === 1) {
      this.#stop(task, now)
    } else {
      task.parts.pop()
      task.cut = true
      this.#taken.delete(part)
    }
    return part
  }

  /** Has it had nothing to do for so long that others should have brought something? */
  #waited({ idleSince }: Source, now: number): boolean {
    if (idleSince === undefined) return false
    const best = Math.max(...[...this.#sources.values()].map(({ rate = 0 }) => rate))
    const partsMs = best === 0 ? 0 : (PATIENCE_PARTS * this.#wanted.partBytes) / best
    const patience = Math.min(Math.max(SOURCE_PATIENCE_MS, partsMs), MOST_PATIENCE_MS)
    return now - idleSince >= patience
  }

  /** What the source gave lately, less where it has been silent since. */
  #rateOf({ source, heardAt }: Task, now: number): number {
    const silent = now - heardAt
    const rate = source.rate ?? this.#wanted.partBytes / SOURCE_PATIENCE_MS
    return silent < SOURCE_PATIENCE_MS ? rate : rate * (SOURCE_PATIENCE_MS / silent)
  }
}

/** A number for a peer id (FNV-1a), and one for a peer and a part: the largest brings the part in. */
function seedOf(id: SourceId): number {
  let seed = 0x811c_9dc5
  for (let i = 0; i < id.length; i++) seed = Math.imul(seed ^ id.charCodeAt(i), 0x0100_0193)
  return seed
}

function weight(seed: number, part: number): number {
  let mixed = Math.imul(seed ^ Math.imul(part + 1, 0x9e37_79b1), 0x85eb_ca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
