/**
 * Two writers and a reader over an unreliable journal, in one seeded schedule: writers are killed,
 * come back and take over; messages are lost, late and repeated; entries are trimmed.
 */
import { toHex } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import {
  Appender,
  type AppenderEffect,
  type AppenderEvent,
  type AppenderReport,
} from '../../../src/journal/appender.ts'
import { nextEpoch } from '../../../src/journal/beginning.ts'
import { BEFORE_FIRST, Chain } from '../../../src/journal/chain.ts'
import { decodeEntry } from '../../../src/journal/decode.ts'
import { entryDigest } from '../../../src/journal/digest.ts'
import { ALL_APPENDER_RULES, type AppenderRules } from '../../../src/journal/rules.ts'
import { seeded } from '../../wire/seeded.ts'
import { ALL_JOURNAL_RULES, SimJournal, type SimJournalRules } from './sim-journal.ts'

export type JournalSwitches = Partial<AppenderRules & SimJournalRules>

export interface WorldOptions {
  readonly switched?: JournalSwitches
  /** The writer that is about to take this step, of all, is killed there. */
  readonly killAt?: number
  readonly steps?: number
}

export interface Outcome {
  readonly violation: string | undefined
  readonly transcript: readonly string[]
  readonly steps: number
  readonly appended: number
  readonly kills: number
}

/** A change of a caller, by a number that no other has. */
interface Asked {
  readonly mark: number
  /** `unknown`: its writer was killed, or ended in doubt. */
  outcome: 'pending' | 'appended' | 'absent' | 'unknown'
  position: number
}

/** Something that happens later, to whoever is there then. */
interface Event {
  readonly at: number
  readonly act: () => void
}

class Violation extends Error {}

const STEPS = 400

export function runJournal(seed: number, options: WorldOptions = {}): Outcome {
  const world = new World(seed, options)
  let violation: string | undefined
  try {
    world.run()
  } catch (error) {
    if (!(error instanceof Violation || error instanceof DstoreError)) throw error
    violation = error.message
  }
  const { transcript, steps, appended, kills } = world
  return { violation, transcript, steps, appended, kills }
}

class World {
  readonly transcript: string[] = []
  steps = 0
  appended = 0
  kills = 0
  readonly #random: () => number
  readonly #options: WorldOptions
  readonly #rules: AppenderRules
  readonly #journal: SimJournal
  readonly #asked: Asked[] = []
  readonly #writers = [0, 1].map((name): Writer => new Writer(`w${name}`))
  readonly #reader = new Chain()
  #now = 0
  #events: Event[] = []
  #processes = 0
  #isCalm = false

  constructor(seed: number, options: WorldOptions) {
    this.#random = seeded(seed)
    this.#options = options
    this.#rules = { ...ALL_APPENDER_RULES, ...options.switched }
    this.#journal = new SimJournal({ ...ALL_JOURNAL_RULES, ...options.switched })
  }

  run(): void {
    const { steps = STEPS } = this.#options
    for (let i = 0; i < steps; i++) this.#step()
    // Faults end: everything that is under way is settled, without help.
    this.#isCalm = true
    for (let i = 0; i < 200; i++) this.#pass()
    this.#check()
    for (const writer of this.#writers) {
      if (writer.appender?.isBusy === true) throw new Violation(`${writer.name} is never done`)
    }
  }

  #step(): void {
    const writer = this.#writers[this.#random() < 0.6 ? 0 : 1]!
    const dice = this.#random()
    if (dice < 0.35) this.#pass()
    else if (dice < 0.75) this.#ask(writer)
    else if (dice < 0.85) this.#open(writer)
    else if (dice < 0.88) this.#kill(writer)
    else if (dice < 0.94) this.#read()
    else this.#trim()
  }

  /** Time passes until the next event. */
  #pass(): void {
    const next = this.#events.reduce((first, { at }) => Math.min(first, at), Infinity)
    if (next === Infinity) return
    this.#now = next
    const due = this.#events.filter(({ at }) => at <= next)
    this.#events = this.#events.filter(({ at }) => at > next)
    for (const { act } of due) act()
  }

  #later(ms: number, act: () => void): void {
    this.#events.push({ at: this.#now + ms, act })
  }

  #say(line: string): void {
    this.transcript.push(`${this.#now} ${line}`)
  }

  /** The process looks where the journal ends, and wants to begin an epoch there. */
  #open(writer: Writer): void {
    if (writer.appender !== undefined && !writer.appender.hasEnded) return
    const { last } = this.#journal.extent
    const entry = last === 0 ? undefined : this.#journal.at(last)
    if (entry === 'gone') throw new Violation(`the last entry, ${last}, was trimmed`)
    const end =
      entry === undefined
        ? { ...BEFORE_FIRST, head: undefined }
        : { position: last, digest: entryDigest(entry), head: decodeEntry(entry).head }
    const process = ++this.#processes
    const writerId = new Uint8Array(16).fill(process)
    const start = nextEpoch(end, { newSet: new Uint8Array(16).fill(255), writer: writerId })
    const appender = new Appender(start, this.#rules)
    writer.begin(appender)
    this.#say(`${writer.name} is process ${process}, and begins epoch ${start.epoch} after ${last}`)
    this.#carryOut(writer, appender, appender.append({ kind: 'begin' }))
  }

  #ask(writer: Writer): void {
    const { appender } = writer
    if (appender === undefined || appender.isBusy || appender.hasEnded || !writer.hasBegun) return
    const mark = this.#asked.length + 1
    const asked: Asked = { mark, outcome: 'pending', position: 0 }
    this.#asked.push(asked)
    writer.pending = asked
    this.#say(`${writer.name} appends ${mark} after ${appender.position}`)
    const changes = [{ type: 'trim', upto: mark }] as const
    this.#carryOut(writer, appender, appender.append({ kind: 'changes', changes }))
  }

  #kill(writer: Writer): void {
    if (writer.appender === undefined) return
    this.kills++
    this.#say(`${writer.name} is killed`)
    if (writer.pending !== undefined) writer.pending.outcome = 'unknown'
    writer.end()
  }

  #carryOut(writer: Writer, appender: Appender, effects: readonly AppenderEffect[]): void {
    for (const effect of effects) {
      if (++this.steps === this.#options.killAt) return this.#kill(writer)
      if (effect.type === 'report') this.#report(writer, effect.report)
      else this.#send(writer, appender, effect)
    }
  }

  /** Answers reach the process that asked, if it is there. */
  #answer(writer: Writer, appender: Appender, event: AppenderEvent, ms: number): void {
    this.#later(ms, () => {
      if (writer.appender === appender) this.#carryOut(writer, appender, appender.on(event))
    })
  }

  #send(writer: Writer, appender: Appender, effect: AppenderEffect): void {
    const random = this.#random
    const { attempt } = effect as { readonly attempt: number }
    if (effect.type === 'wait') {
      return this.#answer(writer, appender, { type: 'waited', attempt }, effect.ms)
    }
    if (effect.type === 'read') {
      // A read is lost, or answers as things are when it arrives.
      if (!this.#isCalm && random() < 0.2) {
        return this.#answer(writer, appender, { type: 'unread', attempt }, 30)
      }
      this.#later(1 + Math.floor(random() * 5), () => {
        const found = this.#journal.at(effect.position)
        this.#answer(writer, appender, { type: 'found', attempt, found }, 1)
      })
      return
    }
    if (effect.type !== 'append') return
    const arrive = (ms: number, isAnswered: boolean): void => {
      this.#later(ms, () => {
        const answer = this.#journal.append(effect.after, effect.entry)
        if (answer === 'ok') this.#say(`entry ${effect.after + 1} is there`)
        if (isAnswered) this.#answer(writer, appender, { type: answer, attempt }, 1)
      })
    }
    const phase = this.#isCalm ? 1 : random()
    const soon = 1 + Math.floor(random() * 5)
    const late = 20 + Math.floor(random() * 400)
    if (phase < 0.08) this.#say(`an append after ${effect.after} is lost`)
    else if (phase < 0.18) arrive(late, random() < 0.5)
    else if (phase < 0.28) arrive(soon, false)
    else if (phase < 0.36) {
      // A client repeats it, and hears the second answer only.
      arrive(soon, false)
      arrive(soon + 1, true)
    } else if (phase < 0.42) {
      // Repeated, and the second one comes late.
      arrive(soon, false)
      arrive(late, true)
    } else if (phase < 0.5) {
      const fault = new DstoreError('no-space', 'the journal is full')
      return this.#answer(writer, appender, { type: 'refused', attempt, fault }, soon)
    } else arrive(soon, true)
    this.#answer(writer, appender, { type: 'doubt', attempt }, 20)
  }

  #report(writer: Writer, report: AppenderReport): void {
    const asked = writer.pending
    writer.pending = undefined
    this.#say(`${writer.name} hears: ${report.type} ${JSON.stringify(asked?.mark ?? 'begin')}`)
    if (report.type === 'appended') {
      this.appended++
      if (asked === undefined) writer.hasBegun = true
      else {
        asked.outcome = 'appended'
        asked.position = report.position
      }
      this.#check()
      return
    }
    const isAbsent = report.type === 'refused' || report.pending === 'absent'
    if (asked !== undefined) asked.outcome = isAbsent ? 'absent' : 'unknown'
    if (report.type === 'ended') {
      this.#say(`${writer.name} has ended: ${report.pending}`)
      writer.end()
    } else if (!writer.hasBegun) writer.end()
    this.#check()
  }

  #read(): void {
    for (;;) {
      const next = this.#reader.position + 1
      const entry = this.#journal.at(next)
      if (entry === undefined || entry === 'gone') return
      this.#reader.accept(entry)
    }
  }

  /** What the reader has may go. */
  #trim(): void {
    const upto = this.#reader.position - Math.floor(this.#random() * 3)
    this.#say(`trimmed to ${upto}`)
    this.#journal.trim(upto)
  }

  /** What was said is so, whatever is still under way. */
  #check(): void {
    const positions = new Map<number, number>()
    const chain = new Chain()
    for (const { position, entry } of this.#journal.history) {
      const { body } = decodeEntry(entry)
      const [change] = body.kind === 'changes' ? body.changes : []
      const mark = change?.type === 'trim' ? change.upto : undefined
      if (mark !== undefined && positions.has(mark)) throw new Violation(`${mark} is there twice`)
      if (mark !== undefined) positions.set(mark, position)
      if (position !== chain.position + 1)
        throw new Violation(`an entry was written at ${position}`)
      chain.accept(entry)
    }
    for (const { mark, outcome, position } of this.#asked) {
      const found = positions.get(mark)
      if (outcome === 'appended' && found !== position) {
        throw new Violation(`${mark} was appended at ${position}, and is at ${found}`)
      }
      if (outcome === 'absent' && found !== undefined) {
        throw new Violation(`${mark} was said not to be there, and is at ${found}`)
      }
    }
    this.#checkReader(chain)
  }

  #checkReader(chain: Chain): void {
    if (this.#reader.position !== chain.position) return
    if (toHex(this.#reader.digest) !== toHex(chain.digest)) {
      throw new Violation('the reader has another history')
    }
  }
}

/** A writer's machine, and the process that runs on it. */
class Writer {
  readonly name: string
  appender: Appender | undefined
  hasBegun = false
  pending: Asked | undefined

  constructor(name: string) {
    this.name = name
  }

  begin(appender: Appender): void {
    this.appender = appender
    this.hasBegun = false
    this.pending = undefined
  }

  end(): void {
    this.appender = undefined
    this.hasBegun = false
    this.pending = undefined
  }
}
