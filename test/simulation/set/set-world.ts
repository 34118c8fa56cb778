/**
 * A set in one seeded schedule: members that are killed, paused, cut off from the engine, from
 * Locals or from both, that step down and stop; an engine that changes its leader and loses what no
 * majority had; clocks that drift and are set; and Locals that read and change through whoever
 * takes their requests, and repeat what was not answered.
 */
import type { DstoreError } from '../../../src/errors.ts'
import { AppendError } from '../../../src/journal/journal.ts'
import { ALL_SET_RULES, type SetRules } from '../../../src/set/rules.ts'
import { MemoryBucket } from '../../bucket/memory-objects.ts'
import { seeded } from '../../wire/seeded.ts'
import { SimTime } from '../archive/sim-time.ts'
import { SimEngine } from './sim-engine.ts'
import { SetNode } from './set-node.ts'
import { SetOracle } from './set-oracle.ts'
import { SetProcess } from './set-process.ts'
import { KINDS, type Operation, SetDisk } from './set-state.ts'

/** Rules of the set, and those of its surroundings, that a test switches off. */
export interface SetSwitches extends SetRules {
  /** The engine appends only at its end. */
  readonly fences: boolean
  /** The lease is looked at where an answer is handed over. */
  readonly checksHandOver: boolean
  /** The clock of a lease counts the time of a pause. */
  readonly countsSleep: boolean
}

export interface SetWorldOptions {
  readonly switched?: Partial<SetSwitches>
  readonly steps?: number
  /** The faults that come, instead of those that the seed chooses. */
  readonly plan?: readonly Fault[]
  /** The process that answers to this event, of all, is killed there. */
  readonly killAt?: number
  /** Is a take-over without confirmed silence a fault by itself? Default: true. */
  readonly checksSilence?: boolean
}

export interface SetOutcome {
  readonly violation: string | undefined
  readonly transcript: readonly string[]
  readonly counts: Readonly<Record<string, number>>
  readonly delivered: number
}

export type Fault = 'pause' | 'kill' | 'engine' | 'locals' | 'leader' | 'alone' | 'leave' | 'wall'

const PLANS: readonly (readonly Fault[])[] = [
  ['kill', 'leave'],
  ['pause', 'pause', 'wall'],
  ['engine', 'leader', 'alone'],
  ['alone', 'alone', 'kill'],
  ['locals', 'engine', 'pause'],
  ['pause', 'kill', 'engine', 'locals', 'leader', 'alone', 'leave', 'wall'],
]

const STEPS = 130
const KEYS = 4
const LOCALS = 2
const PAUSES_MS = [300, 1_500, 2_500, 4_500, 6_500]
/** How long a machine is without a process. */
const DOWN_MS = 1_500
/** All faults are over for this long at the end. */
const CALM_MS = 12_000
/** After this, a change must be answered at once. */
const ANSWER_MS = 3_000

export async function runSet(seed: number, options: SetWorldOptions = {}): Promise<SetOutcome> {
  const world = new World(seed, options)
  await world.run()
  const { transcript, oracle, delivered } = world
  return { violation: oracle.violation, transcript, counts: oracle.counts, delivered }
}

class World {
  readonly transcript: string[] = []
  readonly oracle: SetOracle
  delivered = 0
  readonly #options: SetWorldOptions
  readonly #switches: SetSwitches
  readonly #random: () => number
  readonly #time = new SimTime()
  readonly #engine: SimEngine
  readonly #bucket = new MemoryBucket()
  readonly #machines: readonly Machine[]
  readonly #locals = Array.from({ length: LOCALS }, () => ({ seq: 0 }))
  readonly #plan: readonly Fault[]
  #processes = 0
  #marks = 0
  #isCalm = false
  /** Was a process killed at the event of the options? */
  #isKilled = false

  constructor(seed: number, options: SetWorldOptions) {
    this.#options = options
    const off = { ...ALL_SET_RULES, fences: true, checksHandOver: true, countsSleep: true }
    this.#switches = { ...off, ...options.switched }
    this.#random = seeded(seed)
    this.#engine = new SimEngine(this.#time, this.#random, this.#switches.fences)
    const now = (): number => this.#time.now
    this.oracle = new SetOracle(this.#engine, now, options.checksSilence ?? true)
    this.#engine.onAppended = (appended) => {
      if (this.oracle.onAppended(appended) === 'begin') this.#onBegin(appended.machine)
    }
    this.#engine.onAbsent = (machine) => this.#onAbsent(machine)
    const names = this.#random() < 0.6 ? ['a', 'b'] : ['a', 'b', 'c']
    this.#machines = names.map((name) => new Machine(name))
    for (const { name, disk } of this.#machines) {
      disk.onLoad = () => this.oracle.fail(`${name} has applied what is not in the journal`)
    }
    const plan = this.#one(PLANS)
    this.#plan = options.plan ?? plan
  }

  async run(): Promise<void> {
    const { steps = STEPS } = this.#options
    for (const machine of this.#machines) this.#start(machine)
    for (let i = 0; i < steps && this.#isSound; i++) {
      await this.#pass(Math.floor(this.#random() ** 2 * 450))
      if (this.#random() < 0.86) this.#work()
      else this.#one(this.#plan.map((fault) => () => this.#fault(fault)))()
    }
    if (this.#isSound) await this.#settle()
    for (const { node } of this.#machines) node?.kill()
    await new Promise(setImmediate)
  }

  get #isSound(): boolean {
    return this.oracle.violation === undefined
  }

  /** Faults end: one member is active, and answers. */
  async #settle(): Promise<void> {
    this.#say('quiet')
    this.#isCalm = this.#engine.isCalm = true
    for (const machine of this.#machines) {
      machine.isCutOff = false
      machine.node?.process.resume()
      this.#engine.heal(machine.name)
      this.#start(machine)
    }
    let wasKilled: boolean
    let before: number
    do {
      wasKilled = this.#isKilled
      await this.#pass(CALM_MS)
      before = this.oracle.counts['acknowledged'] ?? 0
      for (const { node } of this.#machines) if (node !== undefined) this.#change(node, 'put')
      await this.#pass(ANSWER_MS)
      // The kill of this schedule came meanwhile: another member takes over.
    } while (this.#isSound && wasKilled !== this.#isKilled)
    if (!this.#isSound) return
    if ((this.oracle.counts['acknowledged'] ?? 0) === before) {
      this.oracle.fail('nobody acknowledges a change, long after all faults are over')
    }
    this.oracle.checkJournal()
  }

  async #pass(ms: number): Promise<void> {
    const until = this.#time.now + ms
    while (this.#isSound && (await this.#time.pass(until)));
  }

  #say(line: string): void {
    this.transcript.push(`${(this.#time.now / 1000).toFixed(3).padStart(8)} ${line}`)
  }

  #one<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!
  }

  /** A process begins where none runs. */
  #start(machine: Machine): void {
    if (machine.node?.process.isAlive === true) return
    const pace = 0.99 + this.#random() * 0.0159
    const { countsSleep, checksHandOver } = this.#switches
    const process = new SetProcess(++this.#processes, this.#time, pace, countsSleep)
    process.onDelivered = () => this.#onDelivered(machine, process)
    const node = new SetNode({
      machine: machine.name,
      process,
      disk: machine.disk,
      engine: this.#engine,
      bucket: this.#bucket,
      random: this.#random,
      rules: this.#switches,
      checksHandOver,
      say: (line) => this.#say(line),
    })
    machine.node = node
    this.#say(`${node.name} starts`)
    node.onEnded = (fault) => this.#onEnded(machine, fault)
    void node.run()
  }

  /** A supervisor starts it again. */
  #onEnded(machine: Machine, fault: DstoreError | undefined): void {
    this.#time.later(DOWN_MS * this.#random(), () => this.#start(machine))
    const { code, message } = fault ?? {}
    this.oracle.count(`ended: ${code}`)
    if (code === 'integrity') this.oracle.fail(`${machine.name} ends: ${message}`)
  }

  #onDelivered({ node }: Machine, process: SetProcess): void {
    if (++this.delivered !== this.#options.killAt || node?.process !== process) return
    this.#say(`${node.name} is killed at event ${this.delivered}`)
    this.#isKilled = true
    node.kill()
  }

  #fault(fault: Fault): void {
    const machine = this.#one(this.#machines)
    const { name, node } = machine
    // Most faults are to meet the active member.
    const active = this.#machines.find((one) => one.node?.isOpen === true)
    const at = this.#random() < 0.6 && active !== undefined ? active : machine
    switch (fault) {
      case 'pause':
        return this.#pause(at)
      case 'kill':
        return this.#kill(at)
      case 'engine':
        return this.#cut(at)
      case 'locals':
        at.isCutOff = !at.isCutOff
        return this.#say(`${at.name} and Locals are ${at.isCutOff ? 'cut off' : 'healed'}`)
      case 'leader':
        this.#say('the engine changes its leader')
        return this.#engine.changeLeader(2_000 + this.#random() * 3_000)
      case 'alone':
        this.#say('the leader of the engine is alone')
        return this.#engine.leaveAlone(200 + this.#random() * 4_000)
      case 'leave':
        return void at.node?.leave(this.#random() < 0.5)
      case 'wall': {
        if (node?.process.isRunning !== true) return
        const ms = this.#one([-3_600_000, -4_000, -500, 500, 4_000, 3_600_000])
        this.#say(`the wall clock of ${name} steps ${ms} ms`)
        node.process.step(ms)
      }
    }
  }

  /** A member has begun, and its store is not open yet: pauses are to come then, too. */
  #onBegin(name: string): void {
    this.#time.later(this.#random() * 40, () => this.#pauseAt(name))
  }

  /** A member in doubt is to learn that its entry is not there, which may still arrive. */
  #onAbsent(name: string): void {
    this.#pauseAt(name)
  }

  /** At times, for so long that another member takes over. */
  #pauseAt(name: string): void {
    if (!this.#plan.includes('pause') || this.#random() < 0.5) return
    this.#pause(
      this.#machines.find((one) => one.name === name)!,
      [4_500, 6_500],
    )
  }

  #pause({ name, node }: Machine, ofMs: readonly number[] = PAUSES_MS): void {
    if (node === undefined || !node.process.isRunning || this.#isCalm) return
    this.#say(`${name} is paused`)
    node.process.pause()
    const ms = this.#one(ofMs)
    this.#time.later(ms * (0.5 + this.#random()), () => {
      if (!node.process.isAlive) return
      this.#say(`${name} goes on`)
      node.process.resume()
    })
  }

  #kill(machine: Machine): void {
    const { node } = machine
    if (node?.process.isAlive === true) {
      this.#say(`${node.name} is killed`)
      this.oracle.count('kills')
      node.kill()
    }
    this.#time.later(DOWN_MS * this.#random(), () => this.#start(machine))
  }

  /** A member and the engine, for a while; with Locals, too, at times. */
  #cut(machine: Machine): void {
    const { name } = machine
    const isWhole = this.#random() < 0.4
    this.#say(`${name} is cut off from the engine${isWhole ? ' and Locals' : ''}`)
    this.#engine.cut(name)
    if (isWhole) machine.isCutOff = true
    this.#time.later(500 + this.#random() * 6_000, () => {
      this.#say(`${name} is healed`)
      this.#engine.heal(name)
      if (isWhole) machine.isCutOff = false
    })
  }

  #work(): void {
    const machine = this.#one(this.#machines)
    if (machine.node?.process.isAlive === false && this.#random() < 0.3) this.#start(machine)
    if (this.#random() < 0.1 && machine.node?.process.isRunning === true) machine.disk.flush()
    const open = this.#machines.filter(({ node, isCutOff }) => node?.isOpen === true && !isCutOff)
    if (open.length === 0) return
    const node = this.#one(open).node!
    for (let i = this.#random() * 3; i > 0; i--) {
      if (this.#random() < 0.5) this.#read(node)
      else this.#change(node, this.#one(KINDS))
    }
  }

  #key(): number {
    return Math.floor(this.#random() * KEYS)
  }

  #read(node: SetNode): void {
    const local = this.#one(this.#locals)
    const key = this.#key()
    const asked = this.oracle.asked(key)
    const own = local.seq
    node.process.after(1 + this.#random() * 20, () => {
      if (!node.isOpen) return
      const { seq, chain } = node.rows
      const { position, digest } = chain
      const seen = { seq, position, digest, incarnation: node.rows.incarnation(key) }
      this.#quietly(
        node.handOver(() => {
          this.oracle.reads(node, seen, asked, own)
          local.seq = Math.max(local.seq, seq)
        }),
      )
    })
  }

  #change(node: SetNode, kind: Operation['kind']): void {
    const operation = { mark: ++this.#marks, kind, key: this.#key() }
    this.#ask(node, operation, this.#one(this.#locals))
  }

  /** A Local repeats what was not answered, through whoever takes it then. */
  #ask(node: SetNode, operation: Operation, local: { seq: number }): void {
    let isAnswered = false
    node.process.after(1 + this.#random() * 20, () => {
      if (!node.isOpen) return
      const change = async (): Promise<void> => {
        const seq = await node.change(operation)
        await node.handOver(() => {
          isAnswered = true
          this.oracle.acknowledges(node, operation, seq)
          local.seq = Math.max(local.seq, seq)
        })
      }
      this.#quietly(change())
    })
    if (this.#isCalm) return
    this.#time.later(1_000 + this.#random() * 3_000, () => {
      if (isAnswered || this.#isCalm) return
      const open = this.#machines.filter((one) => one.node?.isOpen === true && !one.isCutOff)
      if (open.length === 0) return
      this.oracle.count('repeats')
      this.#ask(this.#one(open).node!, operation, local)
    })
  }

  /** What is refused, or ends with its member, is not answered. */
  #quietly(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (error instanceof AppendError && error.outcome === 'not-appended') {
        this.oracle.count('not appended')
      } else this.oracle.count('not answered')
    })
  }
}

class Machine {
  readonly name: string
  readonly disk: SetDisk = new SetDisk()
  node: SetNode | undefined
  /** From Locals. */
  isCutOff = false

  constructor(name: string) {
    this.name = name
  }
}
