/** Threads that copy values of a store into files of callers, verified on the way. */
import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import { DstoreError } from '../../errors.ts'
import { HASH_THREADS } from '../../limits.ts'
import { IdleThreads, silence } from '../file/idle-threads.ts'
import type { CopyJob, CopyReport } from './copy-job.ts'

/** Copies with threads at a time: one that hangs in a file system must not hold up the others. */
const COPIES = 8

/** Jobs that a thread has at a time: the next is there when one ends. */
const JOBS = 2

const idle = new IdleThreads(new URL('./copy-worker.js', import.meta.url))

let copies = 0

/** The threads of one copy. */
export class CopyThreads {
  readonly #threads: CopyThread[]
  readonly #running = new Set<Promise<void>>()

  private constructor(threads: CopyThread[]) {
    this.#threads = threads
  }

  /** Undefined while too many copies are in progress, and on a machine with one core. */
  static take(): CopyThreads | undefined {
    const count = Math.min(availableParallelism(), HASH_THREADS)
    if (count < 2 || copies >= COPIES) return undefined
    copies++
    return new CopyThreads(
      Array.from({ length: count }, () => new CopyThread(idle.take() ?? idle.start())),
    )
  }

  /**
   * Gives the job to a thread, as soon as one may take it. Resolves then; `onReport` follows. A
   * report that `onReport` throws for is thrown by a later call.
   */
  async run(job: CopyJob, onReport: (report: CopyReport) => void): Promise<void> {
    while (this.#running.size >= JOBS * this.#threads.length) await Promise.race(this.#running)
    const thread = this.#threads.reduce((a, b) => (b.jobs < a.jobs ? b : a))
    const done = thread.run(job).then(onReport)
    this.#running.add(done)
    const forget = (): unknown => this.#running.delete(done)
    // A failure stays, so that the next call throws it.
    done.then(forget, () => undefined)
  }

  /** Resolves when every job has been reported; rejects with the first failure. */
  async finished(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** Waits until no thread reads or writes any more, and gives the threads back. */
  async release(): Promise<void> {
    await Promise.allSettled(this.#running)
    for (const thread of this.#threads) thread.release()
    copies--
  }
}

/** A thread, which does its jobs in order. */
class CopyThread {
  readonly #worker: Worker
  readonly #waiting: {
    readonly resolve: (report: CopyReport) => void
    readonly reject: (fault: DstoreError) => void
  }[] = []
  #fault: DstoreError | undefined

  constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (report: CopyReport) => this.#waiting.shift()?.resolve(report))
    worker.on('error', (cause) => this.#fail(`failed: ${cause.message}`, cause))
    worker.on('exit', () => this.#fail('ended'))
  }

  get jobs(): number {
    return this.#waiting.length
  }

  run(job: CopyJob): Promise<CopyReport> {
    return new Promise((resolve, reject) => {
      if (this.#fault !== undefined) return reject(this.#fault)
      this.#waiting.push({ resolve, reject })
      this.#worker.postMessage(job)
    })
  }

  release(): void {
    silence(this.#worker)
    if (this.#fault === undefined) idle.keep(this.#worker)
  }

  #fail(what: string, cause?: unknown): void {
    this.#fault ??= new DstoreError('internal', `a thread that copies values ${what}`, { cause })
    for (const { reject } of this.#waiting.splice(0)) reject(this.#fault)
  }
}
