/** A machine with a store and an archive, and the process on it: opening, replay, take-over. */
import { DstoreError, asDstoreError } from '../../../src/errors.ts'
import { SILENT } from '../../../src/log.ts'
import { Following, type TakingOver } from '../../../src/archive/following/following.ts'
import type { BucketJournal } from '../../../src/archive/following/bucket-journal.ts'
import { takeOver } from '../../../src/archive/following/take-over.ts'
import type { FollowingRules } from '../../../src/archive/following/rules.ts'
import { Appender } from '../../../src/journal/appender.ts'
import { nextEpoch, readEnd } from '../../../src/journal/beginning.ts'
import { Chain } from '../../../src/journal/chain.ts'
import type { EntryBody } from '../../../src/journal/entry.ts'
import type { Journal } from '../../../src/journal/journal.ts'
import { JournalWriter } from '../../../src/journal/journal-writer.ts'
import { id } from '../../journal/tools.ts'
import { SimDisk } from './sim-disk.ts'
import type { SimCloud } from './sim-cloud.ts'
import { SimProcess } from './sim-process.ts'
import type { SimTime } from './sim-time.ts'

export interface SimNodeParts {
  readonly time: SimTime
  readonly random: () => number
  readonly cloud: SimCloud
  readonly rules: FollowingRules
  readonly acknowledges: boolean
  readonly lagBytes: number
  readonly countsSleep: boolean
  readonly say: (line: string) => void
  /** Something is about to reach a process. */
  readonly onDelivered: (process: SimProcess) => void
}

/** One opening of the store. */
export class SimNode {
  readonly process: SimProcess
  readonly name: string
  readonly disk: SimDisk
  readonly following: Following
  epoch = 0
  writer: JournalWriter | undefined
  isServing = false
  /** Why it ended. */
  fault: DstoreError | undefined
  marks: Set<number> = new Set()
  /** Something became visible. */
  onApplied: (position: number, entry: Uint8Array, body: EntryBody) => void = () => undefined
  /** It is told that another one has taken over. */
  onLost: () => void = () => undefined
  readonly #parts: SimNodeParts
  #journal: Journal | undefined
  #chain: Chain

  constructor(parts: SimNodeParts, machine: string, number: number, disk: SimDisk | undefined) {
    const { time, cloud, rules, acknowledges, lagBytes } = parts
    this.#parts = parts
    this.name = `${machine}${number}`
    this.process = new SimProcess(number, time, parts.countsSleep)
    this.process.onDelivered = () => parts.onDelivered(this.process)
    this.disk = disk ?? new SimDisk(cloud.snapshots[0]!)
    const { elapsed, sleep } = this.process
    const openBucket = (): BucketJournal => cloud.client(this.process)
    const log = SILENT
    const place = 's3://sim'
    const shared = { place, openBucket, acknowledges, elapsed, sleep, log, rules, lagBytes }
    this.following = new Following(shared)
    this.#chain = new Chain(this.disk.records)
  }

  get position(): number {
    return this.#chain.position
  }

  /** Opens the store that its disk has. */
  async open(takingOver?: TakingOver): Promise<void> {
    const { disk, following, process } = this
    const { random, say } = this.#parts
    const taking =
      takingOver ?? (disk.isTakingOver ? { fencedAt: undefined, saidFarewell: false } : undefined)
    try {
      const journal = await following.join(disk.journal(process, random))
      this.#journal = journal
      this.marks = new Set(disk.records.marks)
      this.#chain = new Chain(disk.records)
      await this.#replay(journal)
      const end = await readEnd(journal)
      const appender = new Appender(nextEpoch(end, { newSet: id(255), writer: id(process.number) }))
      this.epoch = appender.epoch
      this.writer = new JournalWriter({
        journal,
        appender,
        sleep: process.sleep,
        onAppended: (position, entry, body) => {
          this.#apply(entry)
          this.onApplied(position, entry, body)
        },
      })
      await this.writer.say('begin')
      say(`${this.name} has begun epoch ${this.epoch} after ${end.position}`)
      void this.#endWhenLost()
      await following.opened({
        say: (kind) => this.writer!.say(kind),
        ...(taking !== undefined && { takingOver: taking }),
      })
      disk.isTakingOver = false
      this.isServing = true
      say(`${this.name} serves`)
    } catch (error) {
      this.end(asDstoreError(error))
    }
  }

  /** Restores on an empty disk, and goes on. */
  async restore(): Promise<void> {
    const { process, disk } = this
    const { cloud, say } = this.#parts
    try {
      const snapshot = await cloud.ask(process, () => cloud.snapshots.at(-1)!)
      const chain = new Chain(snapshot)
      const bucket = cloud.client(process)
      const { sleep, elapsed } = process
      const random = (): Uint8Array => id(process.number)
      const taken = await takeOver({ bucket, chain, random, sleep, elapsed })
      if (taken === 'gone') throw new DstoreError('unreachable', 'trimmed meanwhile')
      disk.records = snapshot
      disk.last = taken.position
      disk.trimmed = taken.position
      disk.write(taken.begin)
      disk.isTakingOver = true
      say(`${this.name} takes over after ${taken.position}`)
      await this.open(taken)
    } catch (error) {
      this.end(asDstoreError(error))
    }
  }

  /** What was applied is durable in the records: the journal may forget it. */
  async flush(): Promise<void> {
    const { position, digest } = this.#chain
    if (this.writer === undefined || position === 0) return
    this.disk.records = { position, digest, marks: new Set(this.marks) }
    await this.#journal?.trim(position)
  }

  /** Keeps a copy of the durable records in the bucket, and forgets what came before the older one. */
  async snapshot(): Promise<void> {
    const { cloud } = this.#parts
    const { records } = this.disk
    if (!this.isServing || records.position === 0) return
    await this.following.archived(records.position)
    await cloud.ask(this.process, () => cloud.addSnapshot(records))
  }

  /** Says farewell, and ends. */
  async stop(): Promise<void> {
    const { writer } = this
    if (writer === undefined) return
    await writer.say('farewell')
    await writer.close()
    await this.#journal?.close()
    this.#parts.say(`${this.name} has stopped`)
    this.isServing = false
    this.process.kill()
  }

  end(fault: DstoreError): void {
    if (!this.process.isAlive) return
    this.fault = fault
    this.isServing = false
    this.process.kill()
    this.#parts.say(`${this.name} ends: ${fault.message}`)
  }

  async #endWhenLost(): Promise<void> {
    const fault = await this.following.lost
    this.onLost()
    this.end(fault)
  }

  async #replay(journal: Journal): Promise<void> {
    const { last } = await journal.extent()
    const reading = new AbortController()
    if (this.position >= last) return
    for await (const batch of journal.follow(this.position, reading.signal)) {
      if (batch === 'gone') throw new DstoreError('integrity', 'the journal lost what follows')
      for (const entry of batch) this.#apply(entry)
      if (this.position >= last) reading.abort()
    }
  }

  #apply(bytes: Uint8Array): void {
    const { body } = this.#chain.accept(bytes)
    if (body.kind !== 'changes') return
    for (const change of body.changes) if (change.type === 'trim') this.marks.add(change.upto)
  }
}
