/**
 * Decides which source is asked for which part of a value, as a state machine without I/O
 * (specs/003-transfer.md, "Many holders").
 *
 * Participants: Global, which holds everything, and Locals, which hold some parts and fetch the
 * rest at the same time. Goals: Global sends each part about once, however many Locals want the
 * value; work moves from slow sources to fast ones; a Local without peers gets long runs in order.
 * Non-goals: what went wrong with a source (the driver removes it), and whether bytes are true
 * (only verified bytes count as received).
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
import { WantedParts, lengthOf, mergeRuns, partBytesOf } from './parts.ts'
import type { ScheduleEffect, ScheduleEvent } from './schedule-events.ts'
import {
  bestRate,
  nextRun,
  rarestPart,
  seedOf,
  shareOfGlobal,
  type SelectionState,
  type SwarmPeer,
} from './selection.ts'
import { Source, type SourceId } from './source.ts'

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
  /** The parts that are not complete, in the order in which they arrive. */
  readonly parts: number[]
  /** Its last parts were reassigned: it is cancelled once those before them have arrived. */
  isTrimmed: boolean
  heardAt: number
}

/** A task is reassigned if that halves its time and saves at least this many milliseconds. */
const WORTH_MS = 100

/** How many times longer than a part takes the other Locals are waited for, and the bound in ms. */
const PATIENCE_PARTS = 4
const MOST_PATIENCE_MS = 3000

/** With more sources than this, each gets one task at a time. */
const FEW_SOURCES = 4

export class Schedule {
  readonly #options: ScheduleOptions
  readonly #seed: number
  readonly #wanted: WantedParts
  readonly #sources = new Map<SourceId, Source>()
  readonly #tasks = new Map<number, Task>()
  /** By part: the task that is to bring it. */
  readonly #taken = new Map<number, Task>()
  readonly #selection: SelectionState
  /** The other Locals that want or hold the value; undefined until Global has named them. */
  #swarm: readonly SwarmPeer[] | undefined
  /** Sources that were removed: no share of the work is left to them. */
  readonly #removed = new Set<SourceId>()
  /** Parts of the next run while there is no swarm: doubles from one, to keep little in flight. */
  #runParts = 1
  #lastTask = 0
  #effects: ScheduleEffect[] = []

  constructor(options: ScheduleOptions) {
    this.#options = options
    const { self, held, partBytes = partBytesOf(held.size) } = options
    this.#seed = seedOf(self)
    this.#wanted = new WantedParts(held, partBytes)
    this.#selection = {
      wanted: this.#wanted,
      sources: this.#sources,
      isTaken: (part) => this.#taken.has(part),
    }
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
      case 'source-added':
        this.#addSource(event.source, now)
        break
      case 'source-removed':
        this.#removeSource(event.source, now)
        break
      case 'swarm':
        this.#swarm = event.peers.map((id) => ({ id, seed: seedOf(id) }))
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
      case 'received':
        // Until a part is complete, no source has more or less to do than before.
        if (!this.#received(event.task, event.bytes, now)) return this.#effects
        break
      case 'completed':
      case 'refused':
        this.#finished(event.task, event.type === 'refused', now)
        break
      case 'tick':
        this.#reassignStalled(now)
        break
    }
    this.#assign(now)
    return this.#effects
  }

  #want(ranges: readonly ByteRange[], now: number): void {
    this.#wanted.want(ranges)
    for (const task of this.#tasks.values()) {
      if (task.parts.every((part) => !this.#wanted.has(part))) this.#cancel(task, now)
    }
  }

  #addSource(id: SourceId, now: number): void {
    this.#removed.delete(id)
    if (this.#sources.has(id)) return
    this.#sources.set(id, new Source(id, id === this.#options.global, now))
  }

  #removeSource(id: SourceId, now: number): void {
    const source = this.#sources.get(id)
    this.#sources.delete(id)
    this.#removed.add(id)
    for (const task of source?.tasks ?? []) this.#cancel(this.#tasks.get(task)!, now)
  }

  /** Returns whether a part is complete now. */
  #received(id: number, bytes: number, now: number): boolean {
    const task = this.#tasks.get(id)
    if (task === undefined) return false
    task.heardAt = now
    task.source.received(bytes, now)
    const before = task.parts.length
    while (task.parts.length > 0 && this.#wanted.settle(task.parts[0]!)) this.#shift(task)
    if (task.isTrimmed && task.parts.length === 0) this.#cancel(task, now)
    return task.parts.length < before
  }

  #finished(id: number, isRefused: boolean, now: number): void {
    const task = this.#tasks.get(id)
    if (task === undefined) return
    for (const part of task.parts) {
      this.#wanted.settle(part)
      if (isRefused) task.source.lacks(part)
    }
    this.#remove(task, now)
  }

  /** Takes the first part from a task. */
  #shift(task: Task): void {
    const part = task.parts.shift()!
    if (this.#taken.get(part) === task) this.#taken.delete(part)
  }

  #cancel(task: Task, now: number): void {
    this.#effects.push({ type: 'cancel', task: task.id })
    this.#remove(task, now)
  }

  #remove(task: Task, now: number): void {
    while (task.parts.length > 0) this.#shift(task)
    this.#tasks.delete(task.id)
    task.source.taskEnded(task.id, now)
  }

  /** Reassigns tasks from a stalled source when another holds the part. */
  #reassignStalled(now: number): void {
    for (const task of this.#tasks.values()) {
      if (now - task.heardAt < SOURCE_STALL_MS) continue
      const canTake = (other: Source): boolean =>
        other !== task.source && !other.isBackingOff(now) && other.has(task.parts[0]!)
      if (![...this.#sources.values()].some(canTake)) continue
      task.source.stalled(now)
      this.#cancel(task, now)
    }
  }

  #assign(now: number): void {
    const { random, global: globalId } = this.#options
    const holders = [...this.#sources.values()].filter(({ isGlobal }) => !isGlobal)
    for (const source of holders) {
      let isAssigned = true
      while (isAssigned && this.#hasRoom(source, now)) {
        const part = rarestPart(this.#selection, source, random)
        isAssigned = this.#assignTo(source, part === undefined ? [] : [part], now)
      }
      if (!source.isComplete && source.tasks.size < this.#tasksEach && this.busy) {
        if (source.startQuery(now)) this.#effects.push({ type: 'query', source: source.id })
      }
    }
    const global = this.#sources.get(globalId)
    if (global === undefined) return
    while (this.#hasRoom(global, now)) {
      const parts = this.#hasPeers ? this.#ownShare(global, holders, now) : this.#nextRun()
      if (!this.#assignTo(global, parts, now)) break
    }
  }

  get #hasPeers(): boolean {
    const peers = this.#swarm ?? []
    return this.#sources.size > 1 || peers.some(({ id }) => !this.#removed.has(id))
  }

  /** With many sources none needs a task ahead: while one is asked, others send. */
  get #tasksEach(): number {
    return this.#sources.size > FEW_SOURCES ? 1 : SOURCE_TASKS
  }

  #hasRoom(source: Source, now: number): boolean {
    if (source.isBackingOff(now)) return false
    if (!source.isGlobal || this.#hasPeers) return source.tasks.size < this.#tasksEach
    // Locals that begin at the same moment ask for the same: one part each until they are named.
    if (this.#swarm === undefined) {
      return source.tasks.size === 0 && (this.#lastTask === 0 || this.#hasWaited(source, now))
    }
    // One run follows another without a gap; more at once would only arrive out of order.
    const left = [...source.tasks].reduce((sum, id) => sum + this.#tasks.get(id)!.parts.length, 0)
    return source.tasks.size < SOURCE_TASKS && left <= PARTS_AHEAD
  }

  /** Returns whether the source may have got a task; without `chosen` parts, a reassigned one. */
  #assignTo(source: Source, chosen: readonly number[], now: number): boolean {
    if (chosen.length === 0) {
      const part = this.#reassignTo(source, now)
      return part !== undefined && this.#assignTo(source, [part], now)
    }
    // Bytes that another task received beyond its own parts may have completed these.
    const parts = chosen.filter((part) => !this.#wanted.settle(part))
    if (parts.length === 0) return true
    const ranges = mergeRuns(parts.flatMap((part) => this.#wanted.missing(part)))
    if (ranges.length > FETCH_RANGES && parts.length > 1) {
      return this.#assignTo(source, parts.slice(0, 1), now)
    }
    const task: Task = { id: ++this.#lastTask, source, parts, isTrimmed: false, heardAt: now }
    this.#tasks.set(task.id, task)
    for (const part of parts) this.#taken.set(part, task)
    source.taskStarted(task.id, now)
    this.#effects.push({
      type: 'fetch',
      task: task.id,
      source: source.id,
      ranges: ranges.slice(0, FETCH_RANGES),
    })
    return true
  }

  /** Without peers: a run of parts, twice as long each time. */
  #nextRun(): number[] {
    const parts = nextRun(this.#selection, this.#runParts)
    const most = Math.max(1, FETCH_RUN_BYTES / this.#wanted.partBytes)
    const canGrow = this.#swarm !== undefined && parts.length === this.#runParts
    if (canGrow) this.#runParts = Math.min(most, 2 * this.#runParts)
    return parts
  }

  #ownShare(global: Source, holders: readonly Source[], now: number): number[] {
    if (holders.some((source) => source.isAwaited(now))) return []
    const peers = (this.#swarm ?? []).filter(({ id }) => !this.#removed.has(id))
    const hasWaited = this.#hasWaited(global, now)
    const part = shareOfGlobal(this.#selection, this.#seed, peers, hasWaited, now)
    return part === undefined ? [] : [part]
  }

  /**
   * For an idle source: the part that a much slower one will not complete for long. Global's time
   * is shared: what it saves one Local, it may cost each of the others.
   */
  #reassignTo(source: Source, now: number): number | undefined {
    if (source.isGlobal && !this.#hasWaited(source, now)) return undefined
    const sharing = source.isGlobal ? Math.max(1, this.#swarm?.length ?? 0) : 1
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
      if (theirsMs < sharing * (2 * oursMs + WORTH_MS) || theirsMs < longestMs) continue
      slowest = task
      longestMs = theirsMs
    }
    return slowest === undefined ? undefined : this.#trim(slowest, now)
  }

  /** Takes the last part from a task, to reassign it. */
  #trim(task: Task, now: number): number {
    const part = task.parts.at(-1)!
    if (task.parts.length === 1) {
      this.#cancel(task, now)
    } else {
      task.parts.pop()
      task.isTrimmed = true
      this.#taken.delete(part)
    }
    return part
  }

  /** Has it been idle for so long that other Locals should have received something? */
  #hasWaited({ idleSince }: Source, now: number): boolean {
    if (idleSince === undefined) return false
    const best = bestRate(this.#sources)
    const partsMs = best === 0 ? 0 : (PATIENCE_PARTS * this.#wanted.partBytes) / best
    const patience = Math.min(Math.max(SOURCE_PATIENCE_MS, partsMs), MOST_PATIENCE_MS)
    return now - idleSince >= patience
  }

  /** The source's recent rate, lowered while it is silent. */
  #rateOf({ source, heardAt }: Task, now: number): number {
    const silentMs = now - heardAt
    const rate = source.rate ?? this.#wanted.partBytes / SOURCE_PATIENCE_MS
    return silentMs < SOURCE_PATIENCE_MS ? rate : rate * (SOURCE_PATIENCE_MS / silentMs)
  }
}
