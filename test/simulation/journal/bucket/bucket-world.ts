/**
 * Writers, readers and a trimmer over one journal in a bucket, in one seeded schedule: requests are
 * lost, late and repeated; processes are frozen for long and killed at any request.
 */
import {
  type BucketJournal,
  openBucketJournal,
} from '../../../../src/journal/bucket/bucket-journal.ts'
import {
  ALL_BUCKET_JOURNAL_RULES,
  type BucketJournalRules,
} from '../../../../src/journal/bucket/rules.ts'
import { DstoreError } from '../../../../src/errors.ts'
import { type Fate, MemoryBucket, type ObjectRequest } from '../../../bucket/memory-objects.ts'
import { seeded } from '../../../wire/seeded.ts'
import { text } from '../../../journal/tools.ts'

export interface BucketWorldOptions {
  readonly switched?: Partial<BucketJournalRules>
  readonly steps?: number
}

export interface BucketOutcome {
  readonly violation: string | undefined
  readonly transcript: readonly string[]
  readonly acknowledged: number
  /** Appends that were refused at a trimmed position. */
  readonly fenced: number
  readonly trimmed: number
}

/** Something of a process that waits for its turn. */
interface Gate {
  readonly process: string
  readonly go: () => void
}

const STEPS = 500
/** Steps that a frozen process sleeps: others append and trim meanwhile. */
const LONGEST_SLEEP = 250

export async function runBucketJournal(
  seed: number,
  options: BucketWorldOptions = {},
): Promise<BucketOutcome> {
  const world = new BucketWorld(seed, options)
  await world.run()
  const { violation, transcript, acknowledged, fenced, trimmed } = world
  return { violation, transcript, acknowledged: acknowledged.size, fenced, trimmed }
}

class BucketWorld {
  violation: string | undefined
  readonly transcript: string[] = []
  /** What writers were told is there, by position. */
  readonly acknowledged = new Map<number, string>()
  fenced = 0
  trimmed = 0
  readonly #random: () => number
  readonly #steps: number
  readonly #rules: BucketJournalRules
  readonly #bucket = new MemoryBucket()
  readonly #gates: Gate[] = []
  readonly #frozen = new Map<string, number>()
  readonly #actors = new Map<string, Promise<void>>()
  /** What readers were given, by position. */
  readonly #seen = new Map<number, string>()
  /** Entries that writers were told are not there. */
  readonly #absent = new Set<string>()
  #step = 0
  readonly #calm = new AbortController()
  #processes = 0
  #marks = 0

  constructor(seed: number, { steps = STEPS, switched }: BucketWorldOptions) {
    this.#random = seeded(seed)
    this.#steps = steps
    this.#rules = { ...ALL_BUCKET_JOURNAL_RULES, ...switched }
    this.#bucket.onRequest = (request) => this.#onRequest(request)
    this.#bucket.onAnswer = ({ client }) => this.#turn(client)
  }

  async run(): Promise<void> {
    for (let i = 0; i < 3; i++) this.#start('writer')
    this.#start('trimmer')
    this.#start('reader')
    for (; this.#step < this.#steps && this.violation === undefined; this.#step++) {
      await new Promise(setImmediate)
      this.#happen()
    }
    // Faults end: all that is under way is settled, without help.
    this.#calm.abort()
    this.#frozen.clear()
    this.#bucket.arrive()
    for (let i = 0; i < 5000 && this.#actors.size > 0; i++) {
      await new Promise(setImmediate)
      for (const { go } of this.#gates.splice(0)) go()
    }
    if (this.violation !== undefined) return
    if (this.#actors.size > 0)
      this.#violated(`${[...this.#actors.keys()].join(', ')} is never done`)
    await this.#check()
  }

  get #isCalm(): boolean {
    return this.#calm.signal.aborted
  }

  #happen(): void {
    const random = this.#random()
    const names = [...this.#actors.keys()]
    const someone = names[Math.floor(this.#random() * names.length)]!
    if (random < 0.01) this.#kill(someone)
    else if (random < 0.03) {
      const sleep = Math.floor(this.#random() * LONGEST_SLEEP)
      this.#say(`${someone} is frozen for ${sleep}`)
      this.#frozen.set(someone, this.#step + sleep)
    } else if (random < 0.06) this.#bucket.arrive(1)
    const awake = this.#gates.filter(
      ({ process }) => (this.#frozen.get(process) ?? 0) <= this.#step,
    )
    const gate = awake[Math.floor(this.#random() * awake.length)]
    if (gate === undefined) return
    this.#gates.splice(this.#gates.indexOf(gate), 1)
    gate.go()
  }

  #say(line: string): void {
    this.transcript.push(`${this.#step} ${line}`)
  }

  #violated(what: string): void {
    this.violation ??= what
  }

  #start(kind: 'writer' | 'trimmer' | 'reader'): void {
    const name = `${kind}-${++this.#processes}`
    const objects = this.#bucket.client(name)
    const sleep = (): Promise<void> => this.#turn(name)
    const journal = openBucketJournal({ objects, sleep, rules: this.#rules })
    const run = {
      writer: () => this.#write(name, journal),
      trimmer: () => this.#trim(name, journal),
      reader: () => this.#read(name, journal),
    }[kind]
    const actor = run().catch((error: unknown) => {
      this.#violated(`${name}: ${error instanceof Error ? error.stack : String(error)}`)
    })
    this.#actors.set(
      name,
      actor.finally(() => this.#actors.delete(name)),
    )
  }

  /** The process is gone, with what it has not sent. */
  #kill(name: string): void {
    this.#say(`${name} is killed`)
    this.#actors.delete(name)
    const left = this.#gates.filter(({ process }) => process !== name)
    this.#gates.splice(0, this.#gates.length, ...left)
    this.#frozen.delete(name)
    this.#start(name.split('-')[0] as 'writer')
  }

  #turn(process: string): Promise<void> {
    return new Promise((go) => {
      if (this.#isAlive(process)) this.#gates.push({ process, go })
    })
  }

  #isAlive(process: string): boolean {
    return this.#actors.has(process) || process.endsWith(`-${this.#processes}`)
  }

  async #onRequest({ client, verb, key }: ObjectRequest): Promise<Fate> {
    await this.#turn(client)
    if (this.#isCalm) return 'whole'
    const random = this.#random()
    if (verb === 'put') this.#say(`${client} puts ${key.slice(-4)}`)
    if (verb === 'remove') this.#say(`${client} removes ${key.slice(-4)}`)
    if (random < 0.03) return 'lost'
    if (verb !== 'put' && verb !== 'remove') return 'whole'
    if (random < 0.07) return 'late'
    if (random < 0.12) return 'unanswered'
    return random < 0.17 ? 'repeated' : 'whole'
  }

  /** Repeats what fails for want of an answer. */
  async #settled<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof DstoreError) || error.code !== 'unreachable') throw error
      }
    }
  }

  /** Appends until it is overtaken, then goes on after the end as a writer that takes over. */
  async #write(name: string, journal: BucketJournal): Promise<void> {
    while (!this.#isCalm) {
      let { last } = await this.#settled(() => journal.extent())
      for (let i = 0; i < 20 && !this.#isCalm; i++) {
        const count = 1 + Math.floor(this.#random() * 3)
        const marks = Array.from({ length: count }, () => `${name}:${++this.#marks}`)
        if (!(await this.#append(name, journal, last, marks))) break
        last += count
      }
    }
  }

  /** Was it appended? Settles doubt as an appender does. */
  async #append(
    name: string,
    journal: BucketJournal,
    after: number,
    marks: readonly string[],
  ): Promise<boolean> {
    const entries = marks.map(text)
    const found: unknown[] = []
    for (;;) {
      const answer = await journal.appendAll(after, entries).catch((error: unknown) => {
        if (error instanceof DstoreError && error.code === 'unreachable') return 'doubt'
        throw error
      })
      if (answer !== 'ok') {
        const at = await this.#settled(() => journal.at(after + 1))
        found.push(at)
        if (at === undefined) continue
        if (at === 'gone') {
          this.fenced++
          this.#say(`${name} is fenced after ${after}`)
          return false
        }
        if (Buffer.from(at).toString() !== marks[0]) {
          for (const mark of marks) this.#absent.add(mark)
          return false
        }
      }
      this.#say(`${name} has appended ${marks.join()} after ${after}`)
      for (const [i, mark] of marks.entries()) this.#acknowledge(after + 1 + i, mark)
      return true
    }
  }

  #acknowledge(position: number, mark: string): void {
    const other = this.acknowledged.get(position) ?? this.#seen.get(position) ?? mark
    if (other !== mark) this.#violated(`entry ${position} is ${other} and ${mark}`)
    this.acknowledged.set(position, mark)
  }

  #show(name: string, position: number, mark: string): void {
    const other = this.acknowledged.get(position) ?? this.#seen.get(position) ?? mark
    if (other !== mark) this.#violated(`${name} reads ${mark} at ${position}, which is ${other}`)
    if (this.#absent.has(mark)) this.#violated(`${name} reads ${mark}, said not to be there`)
    this.#seen.set(position, mark)
  }

  async #trim(name: string, journal: BucketJournal): Promise<void> {
    while (!this.#isCalm) {
      await this.#turn(name)
      const { last } = await this.#settled(() => journal.extent())
      const upto = Math.max(0, last - Math.floor(this.#random() * 4))
      this.#say(`${name} trims to ${upto} of ${last}`)
      this.trimmed = Math.max(this.trimmed, upto)
      try {
        await journal.trim(upto)
      } catch (error) {
        if (!(error instanceof DstoreError) || error.code !== 'unreachable') throw error
      }
    }
  }

  async #read(name: string, journal: BucketJournal): Promise<void> {
    while (!this.#isCalm) {
      const { first } = await this.#settled(() => journal.extent())
      let position = first - 1
      try {
        for await (const followed of journal.follow(position, this.#calm.signal)) {
          if (followed === 'gone') break
          for (const entry of followed) this.#show(name, ++position, Buffer.from(entry).toString())
          if (this.#isCalm) break
          await this.#turn(name)
        }
      } catch (error) {
        if (!(error instanceof DstoreError) || error.code !== 'unreachable') throw error
      }
    }
  }

  /** What was acknowledged and not trimmed is there, and what is there follows each other. */
  async #check(): Promise<void> {
    const check = `check-${++this.#processes}`
    this.#bucket.onRequest = () => 'whole'
    this.#bucket.onAnswer = () => undefined
    const journal = openBucketJournal({ objects: this.#bucket.client(check), rules: this.#rules })
    const { first, last } = await journal.extent()
    if (first > this.trimmed + 1)
      this.#violated(`it begins at ${first}, trimmed to ${this.trimmed}`)
    let position = first - 1
    const stop = new AbortController()
    if (last >= first) {
      for await (const followed of journal.follow(first - 1, stop.signal)) {
        if (followed === 'gone') {
          this.#violated(`entry ${position + 1} of ${first} to ${last} is gone`)
          return
        }
        for (const entry of followed) this.#show(check, ++position, Buffer.from(entry).toString())
        if (position >= last) break
      }
    }
    for (const [acknowledged, mark] of this.acknowledged) {
      if (acknowledged > last)
        this.#violated(`${mark} at ${acknowledged} is lost: the end is ${last}`)
    }
  }
}
