/**
 * One Global and many Locals that want the same value, on links of a given speed, in simulated
 * time: the real schedule, a network of queues. A link carries one chunk at a time; what several
 * ask of one node goes out in turns.
 */
import { Bitfield } from '../../../src/hash/tree/bitfield.ts'
import type { ByteRange } from '../../../src/hash/tree/tree.ts'
import { Schedule } from '../../../src/transfer/schedule/schedule.ts'
import type {
  ScheduleEffect,
  ScheduleEvent,
} from '../../../src/transfer/schedule/schedule-events.ts'
import { seeded } from '../../wire/seeded.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly locals: number
  readonly size: number
  /** Bytes a millisecond, each way. */
  readonly linkRate: number
  readonly latencyMs: number
  /** Other rates of some nodes' way out, by index of the Local. */
  readonly outRate?: (local: number) => number
  /** When a Local begins, in milliseconds. */
  readonly startMs?: (local: number) => number
  /** Locals that vanish at this time. */
  readonly vanishMs?: (local: number) => number | undefined
  /** Sources that a Local uses beside Global. */
  readonly neighbours?: number
  /** Locals keep to themselves. */
  readonly alone?: boolean
}

export interface SimulationResult {
  readonly globalSentBytes: number
  /** When each Local had the value. */
  readonly doneMs: readonly (number | undefined)[]
  readonly bytesReceived: readonly number[]
}

const CHUNK_BYTES = 65_536
const GLOBAL = 'global'
/** When a Local asks Global who else is there: often at first. */
const REFRESH_MS = [0, 50, 150, 350, 750]
const TICK_MS = 50

interface Flow {
  readonly to: Peer
  readonly task: number
  readonly runs: { start: number; end: number }[]
  stopped: boolean
}

interface Peer {
  readonly id: string
  readonly index: number
  readonly held: Bitfield
  readonly schedule: Schedule | undefined
  readonly flows: Flow[]
  readonly mine: Map<number, Flow>
  readonly sources: Set<string>
  outFreeAt: number
  inFreeAt: number
  sending: boolean
  gone: boolean
  started: boolean
  sentBytes: number
  receivedBytes: number
  doneAt: number | undefined
}

class Simulation {
  now = 0
  readonly #options: SimulationOptions
  readonly #random: () => number
  readonly #peers = new Map<string, Peer>()
  /** A binary heap by time, then by order. */
  readonly #heap: { at: number; order: number; run: () => void }[] = []
  #order = 0

  constructor(options: SimulationOptions) {
    this.#options = options
    this.#random = seeded(options.seed)
    const whole = new Bitfield(options.size)
    whole.setRange({ start: 0, end: options.size })
    this.#add(GLOBAL, -1, whole, undefined)
    for (let index = 0; index < options.locals; index++) {
      const held = new Bitfield(options.size)
      const id = `local-${index}`
      const schedule = new Schedule({ self: id, global: GLOBAL, held, random: this.#random })
      const peer = this.#add(id, index, held, schedule)
      this.#at(options.startMs?.(index) ?? this.#random() * 5, () => this.#start(peer))
      const vanish = options.vanishMs?.(index)
      if (vanish !== undefined) this.#at(vanish, () => this.#vanish(peer))
    }
  }

  run(limitMs: number): SimulationResult {
    while (this.#heap.length > 0 && this.now < limitMs) this.#pop()
    const locals = [...this.#peers.values()].filter(({ index }) => index >= 0)
    return {
      globalSentBytes: this.#peers.get(GLOBAL)!.sentBytes,
      doneMs: locals.map(({ doneAt }) => doneAt),
      bytesReceived: locals.map(({ receivedBytes }) => receivedBytes),
    }
  }

  #add(id: string, index: number, held: Bitfield, schedule: Schedule | undefined): Peer {
    const peer: Peer = {
      id,
      index,
      held,
      schedule,
      flows: [],
      mine: new Map(),
      sources: new Set(),
      outFreeAt: 0,
      inFreeAt: 0,
      sending: false,
      gone: false,
      started: false,
      sentBytes: 0,
      receivedBytes: 0,
      doneAt: undefined,
    }
    this.#peers.set(id, peer)
    return peer
  }

  #start(peer: Peer): void {
    peer.started = true
    const range: ByteRange = { start: 0, end: this.#options.size }
    this.#tell(peer, { type: 'source-added', source: GLOBAL, now: this.now })
    this.#refresh(peer, 0)
    this.#tell(peer, { type: 'want', ranges: [range], now: this.now })
    this.#tick(peer)
  }

  #tick(peer: Peer): void {
    if (peer.gone || peer.doneAt !== undefined) return
    this.#tell(peer, { type: 'tick', now: this.now })
    this.#at(this.now + TICK_MS, () => this.#tick(peer))
  }

  #refresh(peer: Peer, times: number): void {
    if (peer.gone || peer.doneAt !== undefined) return
    const all = this.#options.alone === true ? [] : [...this.#peers.values()]
    const others = all.filter(
      (other) => other !== peer && other.index >= 0 && other.started && !other.gone,
    )
    this.#tell(peer, { type: 'swarm', peers: others.map(({ id }) => id), now: this.now })
    const fresh = others.filter(({ id }) => !peer.sources.has(id))
    while (fresh.length > 0 && peer.sources.size < (this.#options.neighbours ?? 8)) {
      const [next] = fresh.splice(Math.floor(this.#random() * fresh.length), 1)
      peer.sources.add(next!.id)
      this.#tell(peer, { type: 'source-added', source: next!.id, now: this.now })
    }
    const next = (REFRESH_MS[times + 1] ?? 1000 + this.now) - (REFRESH_MS[times] ?? this.now)
    this.#at(this.now + next, () => this.#refresh(peer, times + 1))
  }

  #vanish(peer: Peer): void {
    peer.gone = true
    peer.flows.length = 0
    for (const other of this.#peers.values()) {
      if (!other.sources.delete(peer.id)) continue
      this.#at(this.now + 100, () => {
        this.#tell(other, { type: 'source-removed', source: peer.id, now: this.now })
      })
    }
  }

  #tell(peer: Peer, event: ScheduleEvent): void {
    if (peer.gone) return
    for (const effect of peer.schedule!.handle(event)) this.#carryOut(peer, effect)
    if (peer.held.complete) peer.doneAt ??= this.now
  }

  #carryOut(peer: Peer, effect: ScheduleEffect): void {
    const { latencyMs } = this.#options
    switch (effect.type) {
      case 'fetch': {
        const runs = effect.ranges.map((range) => ({ ...range }))
        const flow: Flow = { to: peer, task: effect.task, runs, stopped: false }
        peer.mine.set(effect.task, flow)
        this.#at(this.now + latencyMs, () => this.#asked(effect.source, flow, peer))
        break
      }
      case 'cancel':
        peer.mine.get(effect.task)!.stopped = true
        peer.mine.delete(effect.task)
        break
      case 'query':
        this.#at(this.now + latencyMs, () => this.#sayHeld(effect.source, peer))
        break
    }
  }

  #sayHeld(source: string, to: Peer): void {
    const from = this.#peers.get(source)!
    if (from.gone) return
    const runs = [...from.held.held()].slice(0, 256)
    this.#at(this.now + this.#options.latencyMs, () => {
      this.#tell(to, { type: 'holds', source, runs, now: this.now })
    })
  }

  #asked(source: string, flow: Flow, to: Peer): void {
    const from = this.#peers.get(source)!
    if (from.gone || flow.stopped) return
    if (!flow.runs.every((run) => from.held.covers(run))) {
      this.#at(this.now + this.#options.latencyMs, () => {
        if (!flow.stopped) this.#tell(to, { type: 'refused', task: flow.task, now: this.now })
      })
      return
    }
    if (from.index >= 0) this.#sayHeld(source, to)
    from.flows.push(flow)
    if (!from.sending) this.#sendNext(from)
  }

  /** The next chunk of the flow whose turn it is. */
  #sendNext(from: Peer): void {
    const flow = from.flows.shift()
    from.sending = flow !== undefined
    if (flow === undefined) return
    if (flow.stopped || flow.to.gone) return this.#sendNext(from)
    const [run] = flow.runs
    const { start } = run!
    const end = Math.min(run!.end, start + CHUNK_BYTES)
    run!.start = end
    if (run!.start === run!.end) flow.runs.shift()
    if (flow.runs.length > 0) from.flows.push(flow)
    const last = flow.runs.length === 0
    const { linkRate, latencyMs, outRate } = this.#options
    const rate = from.index < 0 ? linkRate : (outRate?.(from.index) ?? linkRate)
    const sentAt = this.now + (end - start) / rate
    from.sentBytes += end - start
    const { to } = flow
    to.inFreeAt = Math.max(to.inFreeAt, sentAt + latencyMs) + (end - start) / linkRate
    this.#at(to.inFreeAt, () => this.#arrived(flow, { start, end }, last))
    this.#at(sentAt, () => this.#sendNext(from))
  }

  #arrived(flow: Flow, range: ByteRange, last: boolean): void {
    const { to, task } = flow
    if (flow.stopped || to.gone) return
    to.held.setRange(range)
    to.receivedBytes += range.end - range.start
    this.#tell(to, { type: 'received', task, bytes: range.end - range.start, now: this.now })
    if (!last || flow.stopped) return
    to.mine.delete(task)
    this.#tell(to, { type: 'completed', task, now: this.now })
  }

  #at(at: number, run: () => void): void {
    const heap = this.#heap
    heap.push({ at, order: this.#order++, run })
    for (let child = heap.length - 1; child > 0;) {
      const parent = (child - 1) >> 1
      if (before(heap[parent]!, heap[child]!)) break
      ;[heap[parent], heap[child]] = [heap[child]!, heap[parent]!]
      child = parent
    }
  }

  #pop(): void {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) {
      heap[0] = last
      for (let parent = 0; ;) {
        let child = 2 * parent + 1
        if (child >= heap.length) break
        if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
        if (before(heap[parent]!, heap[child]!)) break
        ;[heap[parent], heap[child]] = [heap[child]!, heap[parent]!]
        parent = child
      }
    }
    this.now = first.at
    first.run()
  }
}

const before = (
  a: { readonly at: number; readonly order: number },
  b: { readonly at: number; readonly order: number },
): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** Let it run until nothing happens any more, or the time is over. */
export function simulate(options: SimulationOptions, limitMs = 600_000): SimulationResult {
  return new Simulation(options).run(limitMs)
}
