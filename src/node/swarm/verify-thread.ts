/**
 * Proving on another thread: while this one takes bytes from the network, that one hashes those that came before. One
 * thread for the process, as long as there is something to prove; verify-worker.ts is what it runs.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { DstoreError } from '../../errors.ts'
import type { ExpectedGroups } from '../../hash/proof/group-check.ts'
import { notTheValues } from '../../hash/proof/piece-decoder.ts'
import { HASH_THREAD_IDLE_MS } from '../../limits.ts'
import type { GroupChecker } from '../../transfer/piece-stream.ts'
import type { VerifyJob, VerifyReport } from './verify-job.ts'

/** Proves on the thread that `open` starts: one at a time, until it ends or was idle for so long, in milliseconds. */
export function checkerOn(open: () => Worker, idleMs: number = HASH_THREAD_IDLE_MS): GroupChecker {
  let shared: ProofThread | undefined
  const onEnd = (ended: ProofThread): void => {
    // The end of one is told of when the next may have begun.
    if (shared === ended) shared = undefined
  }
  return {
    check(memory, at, length, groups) {
      shared ??= new ProofThread(open(), idleMs, onEnd)
      return shared.check(memory, at, length, groups)
    },
  }
}

/** Start a thread that runs verify-worker.ts. */
export function openVerifyWorker(): Worker {
  // The flags of this process (a test runner's, a debugger's) are not for it.
  return new Worker(new URL('./verify-worker.js', import.meta.url), { execArgv: [] })
}

/** Undefined where there is no core to spare. */
export const threadedChecker: GroupChecker | undefined =
  availableParallelism() < 2 ? undefined : checkerOn(openVerifyWorker)

interface Waiting {
  readonly resolve: (memory: Uint8Array) => void
  readonly reject: (fault: DstoreError) => void
}

class ProofThread implements GroupChecker {
  readonly #worker: Worker
  readonly #idleMs: number
  readonly #onEnd: (ended: ProofThread) => void
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #idle: NodeJS.Timeout | undefined

  /** `onEnd`: it takes nothing more. */
  constructor(worker: Worker, idleMs: number, onEnd: (ended: ProofThread) => void) {
    this.#worker = worker
    this.#idleMs = idleMs
    this.#onEnd = onEnd
    this.#worker.on('message', (report: VerifyReport) => this.#reported(report))
    this.#worker.on('error', (cause) => this.#fail(`failed: ${cause.message}`, cause))
    this.#worker.on('exit', () => this.#fail('ended'))
  }

  check(
    { buffer }: Uint8Array,
    at: number,
    length: number,
    groups: ExpectedGroups,
  ): Promise<Uint8Array> {
    clearTimeout(this.#idle)
    this.#idle = undefined
    this.#worker.ref()
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      const memory = buffer as ArrayBuffer
      const order: VerifyJob = { id, memory, at, length, ...groups }
      this.#worker.postMessage(order, [memory])
    })
  }

  #reported({ id, memory, wrong }: VerifyReport): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (wrong === undefined) waiting?.resolve(new Uint8Array(memory))
    else waiting?.reject(notTheValues(wrong))
    if (this.#waiting.size > 0) return
    // Only now: what is said before a thread has started is forgotten when it has.
    this.#worker.unref()
    this.#idle ??= setTimeout(() => {
      this.#onEnd(this)
      void this.#worker.terminate()
    }, this.#idleMs).unref()
  }

  #fail(what: string, cause?: unknown): void {
    clearTimeout(this.#idle)
    this.#onEnd(this)
    const fault = new DstoreError('internal', `the thread that proves values ${what}`, { cause })
    for (const { reject } of this.#waiting.values()) reject(fault)
    this.#waiting.clear()
  }
}
