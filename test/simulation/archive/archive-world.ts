/**
 * Machines with one archive, in one seeded schedule: processes are killed, paused and woken,
 * machines die with their disks, others take over; the bucket is away, slow, or leaves in doubt.
 */
import { AppendError } from '../../../src/journal/journal.ts'
import { NO_ENTRY } from '../../../src/journal/digest.ts'
import { ALL_FOLLOWING_RULES, type FollowingRules } from '../../../src/archive/following/rules.ts'
import { ARCHIVE_LAG_MS } from '../../../src/limits.ts'
import { marked } from '../../journal/tools.ts'
import { seeded } from '../../wire/seeded.ts'
import { type Executed, SimCloud } from './sim-cloud.ts'
import { SimNode, type SimNodeParts } from './sim-node.ts'
import { SimTime } from './sim-time.ts'

/** `countsSleep`: the clock that is handed in counts the time of a pause. */
export type ArchiveSwitches = Partial<FollowingRules & { readonly countsSleep: boolean }>

export interface ArchiveWorldOptions {
  readonly switched?: ArchiveSwitches
  readonly acknowledges?: boolean
  readonly steps?: number
  /** The process that answers to this event, of all, is killed there, with or without its disk. */
  readonly killAt?: number
}

export interface ArchiveOutcome {
  readonly violation: string | undefined
  readonly transcript: readonly string[]
  readonly counts: Readonly<Record<string, number>>
  /** Events that processes answered to. */
  readonly delivered: number
}

class Violation extends Error {}

const STEPS = 250
/** What the bucket may lack; small, so that it is reached. */
const LAG_BYTES = 600
const HOUR_MS = 3_600_000

export async function runArchive(
  seed: number,
  options: ArchiveWorldOptions = {},
): Promise<ArchiveOutcome> {
  const world = new World(seed, options)
  const violation = await world.run()
  const { transcript, counts, delivered } = world
  return { violation, transcript, counts, delivered }
}

class World {
  readonly transcript: string[] = []
  readonly counts: Record<string, number> = {}
  readonly #options: ArchiveWorldOptions
  readonly #random: () => number
  readonly #time = new SimTime()
  readonly #cloud: SimCloud
  readonly #acknowledges: boolean
  /** At most one for each machine. */
  readonly #nodes = new Map<string, SimNode>()
  readonly #disks = new Map<string, SimNode['disk']>()
  /** When the last entry of a process that the bucket has was sent. */
  readonly #provedAt = new Map<SimNode['process'], number>()
  readonly #absent = new Set<number>()
  readonly #kept = new Set<number>()
  #processes = 0
  #machines = 0
  #marks = 0
  #delivered = 0
  #violation: string | undefined

  constructor(seed: number, options: ArchiveWorldOptions) {
    this.#options = options
    this.#random = seeded(seed)
    this.#acknowledges = options.acknowledges ?? seed % 2 === 0
    const first = { position: 0, digest: NO_ENTRY, marks: new Set<number>() }
    this.#cloud = new SimCloud(this.#time, this.#random, first)
    this.#cloud.onExecuted = (executed) => this.#guard(() => this.#onExecuted(executed))
  }

  get delivered(): number {
    return this.#delivered
  }

  async run(): Promise<string | undefined> {
    const { steps = STEPS } = this.#options
    this.#start('m0')
    for (let i = 0; i < steps && this.#violation === undefined; i++) {
      await this.#step()
      await this.#pass(Math.floor(this.#random() ** 3 * 20_000))
    }
    if (this.#violation === undefined) await this.#settle()
    for (const node of this.#nodes.values()) node.process.kill()
    return this.#violation
  }

  /** Faults end: one node is left, and all that it waits for comes. */
  async #settle(): Promise<void> {
    this.#cloud.isAway = false
    this.#cloud.isCalm = true
    await this.#pass(120_000)
    for (const node of this.#nodes.values()) node.process.resume()
    await this.#pass(120_000)
    this.#guard(() => {
      for (const { name, isServing, process, following, disk } of this.#nodes.values()) {
        if (!process.isAlive || !isServing) continue
        // A heartbeat may be under way.
        const { entries, ms } = following.lag()
        if (ms < 5000 && following.shipper!.own >= disk.last - 1) continue
        throw new Violation(`the bucket lacks ${entries} of ${disk.last} entries of ${name}`)
      }
    })
  }

  async #step(): Promise<void> {
    const random = this.#random
    const node = this.#anyNode()
    const dice = random()
    if (dice < 0.5) for (let i = random() * 4; i > 0; i--) this.#put(node)
    else if (dice < 0.56) this.#remove(node)
    else if (dice < 0.6) this.#cloud.isAway = random() < 0.5
    else if (dice < 0.64) this.#kill(node)
    else if (dice < 0.72) this.#start(random() < 0.7 ? this.#anyMachine() : undefined)
    else if (dice < 0.76) node?.process.pause()
    else if (dice < 0.84) for (const one of this.#nodes.values()) one.process.resume()
    else if (dice < 0.85) await this.#pass(Math.floor(random() * HOUR_MS))
    else if (dice < 0.91) void node?.flush().catch(() => undefined)
    else if (dice < 0.98) void node?.snapshot().catch(() => undefined)
    else void node?.stop().catch(() => undefined)
    if (node !== undefined && !node.isServing && dice > 0.98) this.#loseMachine(node)
  }

  async #pass(ms: number): Promise<void> {
    const until = this.#time.now + ms
    while (this.#violation === undefined && (await this.#time.pass(until))) {
      this.#guard(() => this.#checkServing())
    }
  }

  #guard(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      this.#violation ??= error.message
    }
  }

  #say(line: string): void {
    this.transcript.push(`${this.#time.now} ${line}`)
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  #anyNode(): SimNode | undefined {
    const nodes = [...this.#nodes.values()].filter(({ process }) => process.isRunning)
    return nodes[Math.floor(this.#random() * nodes.length)]
  }

  #anyMachine(): string | undefined {
    const machines = [...this.#disks.keys()]
    return machines[Math.floor(this.#random() * machines.length)]
  }

  /** Starts a process where a store is, or takes over on a new machine. */
  #start(machine: string | undefined): void {
    const name = machine ?? `m${++this.#machines}`
    if (this.#nodes.get(name)?.process.isAlive === true) return
    const { switched = {} } = this.#options
    const parts: SimNodeParts = {
      time: this.#time,
      random: this.#random,
      cloud: this.#cloud,
      rules: { ...ALL_FOLLOWING_RULES, ...switched },
      acknowledges: this.#acknowledges,
      lagBytes: LAG_BYTES,
      countsSleep: switched.countsSleep ?? true,
      say: (line) => this.#say(line),
      onDelivered: (process) => this.#onDelivered(process),
    }
    const disk = this.#disks.get(name)
    const node = new SimNode(parts, `${name}.`, ++this.#processes, disk)
    node.onApplied = (position, entry, body) => {
      if (body.kind === 'changes') this.#guard(() => this.#checkApplied(node, position, entry))
    }
    node.onLost = () => this.#guard(() => this.#checkLost(node))
    this.#nodes.set(name, node)
    this.#say(`${node.name} starts`)
    const isEmpty = disk === undefined && this.#cloud.last > 0
    const starts = isEmpty ? node.restore() : node.open()
    void starts.then(() => this.#guard(() => this.#onStarted(name, node)))
    if (!isEmpty) this.#disks.set(name, node.disk)
  }

  #onStarted(name: string, node: SimNode): void {
    const { fault, disk } = node
    if (node.isServing) {
      this.#count(disk.records.position > 0 ? 'restarts' : 'starts')
      this.#disks.set(name, disk)
      this.#checkStore(node)
      return
    }
    if (disk.isTakingOver) this.#disks.set(name, disk)
    if (fault?.code !== 'integrity') return
    this.#count('refused')
    // The bucket has what this one has not, or another's entry.
    const parts = [...disk.entries].some(
      ([at, entry]) => at <= this.#cloud.last && !this.#cloud.has(at, entry),
    )
    if (this.#cloud.last > disk.last || parts) return
    throw new Violation(`${node.name} does not start: ${fault.message}`)
  }

  #onDelivered(process: SimNode['process']): void {
    if (++this.#delivered !== this.#options.killAt) return
    for (const node of this.#nodes.values()) if (node.process === process) this.#kill(node)
  }

  #put(node: SimNode | undefined): void {
    if (node?.isServing !== true) return
    const mark = ++this.#marks
    node.writer!.append([marked(mark)]).then(
      (position) => this.#guard(() => this.#onAcknowledged(node, mark, position)),
      (error: unknown) => {
        const isAbsent = error instanceof AppendError && error.outcome === 'not-appended'
        if (!isAbsent) return
        this.#count('not appended')
        this.#absent.add(mark)
      },
    )
  }

  #remove(node: SimNode | undefined): void {
    if (node?.isServing !== true) return
    const mark = ++this.#marks
    const { writer, following } = node
    const removal = async (): Promise<void> => {
      const position = await writer!.append([marked(mark)])
      await following.archived(position)
      this.#count('confirmed')
      this.#kept.add(mark)
      if (!this.#isThere(node, position)) throw new Violation(`${mark} is confirmed too early`)
    }
    removal().catch((error: unknown) => {
      this.#guard(() => {
        if (error instanceof Violation) throw error
      })
    })
  }

  #kill(node: SimNode | undefined): void {
    if (node === undefined) return
    this.#say(`${node.name} is killed`)
    this.#count('kills')
    node.process.kill()
    node.isServing = false
    if (this.#random() < 0.3) this.#loseMachine(node)
  }

  #loseMachine(node: SimNode): void {
    if (node.process.isAlive) return
    for (const [name, one] of this.#nodes) if (one === node) this.#disks.delete(name)
    this.#say(`the machine of ${node.name} is lost`)
  }

  #isThere({ disk }: SimNode, position: number): boolean {
    const entry = disk.entries.get(position)
    return entry !== undefined && this.#cloud.has(position, entry)
  }

  /** What the bucket takes is in the journal of who sent it. */
  #onExecuted({ process, sentAt, after, entries }: Executed): void {
    this.#provedAt.set(process, sentAt)
    for (const node of this.#nodes.values()) {
      if (node.process !== process || node.epoch === 0) continue
      for (const [i] of entries.entries()) {
        if (this.#isThere(node, after + 1 + i)) continue
        throw new Violation(`the bucket has ${after + 1 + i} of ${node.name}, which has not`)
      }
    }
  }

  #checkApplied(node: SimNode, position: number, entry: Uint8Array): void {
    if (this.#acknowledges && !this.#cloud.has(position, entry)) {
      throw new Violation(`${node.name} shows ${position}, and the bucket lacks it`)
    }
  }

  #onAcknowledged(node: SimNode, mark: number, position: number): void {
    this.#count('acknowledged')
    if (this.#absent.has(mark)) throw new Violation(`${mark} is there and is not`)
    for (const other of this.#nodes.values()) {
      if (other !== node && other.isServing && other.epoch >= node.epoch) {
        throw new Violation(`${node.name} acknowledges ${mark} while ${other.name} serves`)
      }
    }
    if (this.#isThere(node, position)) this.#kept.add(mark)
    else if (this.#acknowledges) throw new Violation(`${mark} is acknowledged, and not there`)
    else this.#checkLag(node, mark)
  }

  #checkLag({ name, process, disk }: SimNode, mark: number): void {
    this.#count('acknowledged before')
    const age = this.#time.now - (this.#provedAt.get(process) ?? -Infinity)
    if (age > ARCHIVE_LAG_MS + 100) {
      throw new Violation(`${name} acknowledges ${mark} without an entry there for ${age} ms`)
    }
    const lag = disk.bytesAfter(this.#cloud.last)
    if (lag > LAG_BYTES + 400) throw new Violation(`${name} lets the bucket lack ${lag} bytes`)
  }

  /** A store that was opened has all that was kept, and nothing that was not appended. */
  #checkStore({ name, marks, disk, epoch }: SimNode): void {
    // It was overtaken meanwhile, and learns it from its first append.
    if (epoch < this.#cloud.epoch) return
    for (const mark of this.#kept) {
      if (!marks.has(mark)) throw new Violation(`${name} lacks ${mark}`)
    }
    for (const mark of this.#absent) {
      if (marks.has(mark)) throw new Violation(`${name} has ${mark}, which was not appended`)
    }
    for (const [position, entry] of disk.entries) {
      if (position > this.#cloud.last || this.#cloud.has(position, entry)) continue
      throw new Violation(`${name} serves another history from entry ${position} on`)
    }
  }

  #checkLost({ name, process }: SimNode): void {
    this.#count('fenced')
    if (this.#cloud.writer === process.number) throw new Violation(`${name} is fenced by nobody`)
  }

  /** Of two nodes only one renews leases. */
  #checkServing(): void {
    for (const node of this.#nodes.values()) {
      if (!node.process.isRunning) continue
      for (const other of this.#nodes.values()) {
        if (other === node || !other.isServing || other.epoch < node.epoch) continue
        if (!node.following.mayServe()) continue
        throw new Violation(`${node.name} may serve while ${other.name} does`)
      }
    }
  }
}
