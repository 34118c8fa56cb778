/** A process of a machine: the real member of a set, and a store in memory in place of a disk's. */
import { DstoreError, asDstoreError } from '../../../src/errors.ts'
import { Appender } from '../../../src/journal/appender.ts'
import { nextEpoch, readEnd } from '../../../src/journal/beginning.ts'
import type { Journal } from '../../../src/journal/journal.ts'
import { JournalWriter } from '../../../src/journal/journal-writer.ts'
import { SILENT } from '../../../src/log.ts'
import type { Elected, SetMember } from '../../../src/set/interface.ts'
import { createSetMember } from '../../../src/set/member.ts'
import type { SetRules } from '../../../src/set/rules.ts'
import { entriesUpto } from '../../../src/store/disk/commit/replay.ts'
import type { MemoryBucket } from '../../bucket/memory-objects.ts'
import type { SimEngine } from './sim-engine.ts'
import { simObjects } from './sim-objects.ts'
import type { SetProcess } from './set-process.ts'
import { type Operation, type SetDisk, SetRows, changeOf } from './set-state.ts'

export interface SetNodeParts {
  readonly machine: string
  readonly process: SetProcess
  readonly disk: SetDisk
  readonly engine: SimEngine
  readonly bucket: MemoryBucket
  readonly random: () => number
  readonly rules: SetRules
  /** Is the lease looked at where an answer is handed over, or only where it is asked for? */
  readonly checksHandOver: boolean
  readonly say: (line: string) => void
}

export class SetNode {
  readonly name: string
  readonly process: SetProcess
  readonly machine: string
  /** Does it take requests? */
  isOpen = false
  /** Of its store. */
  epoch = 0
  rows: SetRows = new SetRows()
  /** It ended by itself: by a fault, or after its farewell. */
  onEnded: (fault: DstoreError | undefined) => void = () => undefined
  readonly #parts: SetNodeParts
  readonly #member: SetMember
  #elected: Elected | undefined
  #writer: JournalWriter | undefined

  constructor(parts: SetNodeParts) {
    const { machine, process, disk, engine, bucket, rules } = parts
    this.#parts = parts
    this.machine = machine
    this.process = process
    this.name = `${machine}.${process.number}`
    this.#member = createSetMember({
      engine: 'sim',
      journal: engine.client(process, machine),
      objects: simObjects(bucket, machine),
      replica: disk,
      id: machine.charCodeAt(0).toString(16).padStart(16, '0'),
      name: machine,
      version: '1',
      clocks: process.clocks,
      sleep: process.pacedSleep,
      random: (length) => Uint8Array.from({ length }, () => Math.floor(parts.random() * 256)),
      log: SILENT,
      rules,
    })
  }

  /** Stands by until it is elected, opens the store, and so on, until it ends. */
  async run(): Promise<void> {
    try {
      const elected = await this.#member.stand(new AbortController().signal)
      this.#elected = elected
      void elected.lost.then((why) => this.end(why))
      await this.#open(elected)
    } catch (error) {
      this.end(asDstoreError(error))
    }
  }

  /** The process is gone; what its disk keeps was flushed before. */
  kill(): void {
    this.process.kill()
    // The disk may have got what was applied a moment before.
    if (this.#parts.random() < 0.3) this.#parts.disk.flush()
    this.#parts.disk.crash()
    this.isOpen = false
    // For the timers of this process, which is that of the simulation.
    void this.#elected?.close()
    void this.#member.close().catch(() => undefined)
  }

  end(fault: DstoreError): void {
    if (!this.process.isAlive) return
    this.#parts.say(`${this.name} ends: ${fault.code}: ${fault.message}`)
    this.kill()
    this.onEnded(fault)
  }

  /** Ends sessions, says farewell, and ends or stands by again. */
  async leave(isStepDown: boolean): Promise<void> {
    const [elected, writer] = [this.#elected, this.#writer]
    if (!this.isOpen || elected === undefined || writer === undefined) return
    this.#parts.say(`${this.name} ${isStepDown ? 'steps down' : 'stops'}`)
    this.isOpen = false
    elected.closing()
    void this.process.sleep(5_000).then(() => writer.abandon())
    await writer.say('farewell').catch(() => undefined)
    await writer.close()
    await elected.close()
    this.#parts.disk.close(this.rows)
    if (!this.process.isAlive) return
    this.#elected = undefined
    if (isStepDown) return this.run()
    this.#parts.say(`${this.name} has stopped`)
    this.kill()
    this.onEnded(undefined)
  }

  /** The seq of a change that is done, now or before. */
  async change(operation: Operation): Promise<number> {
    const seq = this.rows.seqOf(operation.mark)
    if (seq !== undefined) return seq
    const refusal = this.#elected?.refusal
    if (refusal !== undefined) throw refusal
    await this.#writer!.append([changeOf(operation)])
    return this.rows.seqOf(operation.mark)!
  }

  /** An answer leaves, once this member may answer; never, if it may not any more. */
  async handOver(leave: () => void): Promise<void> {
    const elected = this.#elected
    if (elected === undefined || !this.isOpen) return
    while (this.#parts.checksHandOver && !elected.mayServe()) await elected.serving()
    if (this.process.isAlive && this.isOpen) leave()
  }

  /** What `Replica.open` does, in memory. */
  async #open(elected: Elected): Promise<void> {
    const { process, random, disk } = this.#parts
    const journal = await elected.join(undefined)
    this.rows = disk.openRows()
    await this.#replay(journal)
    await elected.begins?.()
    const end = await readEnd(journal)
    elected.mayBegin?.(end)
    // What the elected member said meanwhile has no changes.
    this.rows.skipTo(end)
    const id = (): Uint8Array => Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256))
    const start = nextEpoch(end, { newSet: id(), writer: id(), leastEpoch: elected.leastEpoch })
    const { rows } = this
    const apply = (entry: Uint8Array): void => {
      try {
        rows.apply(entry)
      } catch (error) {
        this.end(asDstoreError(error))
      }
    }
    const writer = new JournalWriter({
      journal,
      appender: new Appender(start),
      sleep: process.pacedSleep,
      onAppended: (_, entry) => apply(entry),
    })
    await writer.say('begin')
    elected.begun?.((kind) => writer.say(kind))
    this.#writer = writer
    this.epoch = start.epoch
    await elected.opened({
      say: (kind) => writer.say(kind),
      copyRecords: () => Promise.reject(new DstoreError('unsupported', 'not simulated')),
      rowsDigest: () => Promise.reject(new DstoreError('unsupported', 'not simulated')),
      files: () => [],
      isNamed: () => false,
      open: () => Promise.resolve(undefined),
    })
    if (!this.process.isAlive) return
    this.isOpen = true
    this.#parts.say(`${this.name} is active in epoch ${start.epoch} after ${end.position}`)
  }

  async #replay(journal: Journal): Promise<void> {
    const { last } = await journal.extent()
    const { rows } = this
    for await (const batch of entriesUpto(journal, rows.chain.position, last)) {
      for (const entry of batch) rows.apply(entry)
    }
  }
}
