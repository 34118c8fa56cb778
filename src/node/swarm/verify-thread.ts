/**
 * Verifies groups on another thread while this one receives more. One thread for the process, for
 * as long as there is work; verify-worker.ts is the code that it runs.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { DstoreError } from '../../errors.ts'

import { notTheValues } from '../../hash/proof/piece-decoder.ts'
import { HASH_THREAD_IDLE_MS } from '../../limits.ts'
import type { ExpectedGroups, GroupChecker } from '../../hash/proof/group-check.ts'
import { hasWorker } from '../../store/file/worker-file.ts'

/** A request to the thread. The memory is transferred there and back, never copied. */
export interface VerifyJob extends ExpectedGroups {
  readonly id: number
  readonly memory: ArrayBuffer
  /** The place of the groups in it, in bytes. */
  readonly at: number
  readonly length: number
}

export interface VerifyReport {
  readonly id: number
  readonly memory: ArrayBuffer
  /** Offset within the value of the first wrong group; undefined if all are right. */
  readonly wrong: number | undefined
}

/** Verifies on threads that `open` starts, one at a time. A thread idle for `idleMs` is ended. */
export function checkerOn(open: () => Worker, idleMs: number = HASH_THREAD_IDLE_MS): GroupChecker {
  let shared: VerifyThread | undefined
  const onEnd = (ended: VerifyThread): void => {
    // The end of a thread may be reported after the next has started.
    if (shared === ended) shared = undefined
  }
  return {
    check(memory, at, length, groups) {
      shared ??= new VerifyThread(open(), idleMs, onEnd)
      return shared.check(memory, at, length, groups)
    },
  }
}

const WORKER = new URL('./verify-worker.js', import.meta.url)

/** Starts a thread that runs verify-worker.ts. */
export function openVerifyWorker(): Worker {
  // Without the flags of this process, such as a test runner's or a debugger's.
  return new Worker(WORKER, { execArgv: [] })
}

/** Undefined on a machine with one core, and where a bundler left out the thread. */
export const threadedChecker: GroupChecker | undefined =
  availableParallelism() < 2 || !hasWorker(WORKER) ? undefined : checkerOn(openVerifyWorker)

interface Waiting {
  readonly resolve: (memory: Uint8Array) => void
  readonly reject: (fault: DstoreError) => void
}

class VerifyThread implements GroupChecker {
  readonly #worker: Worker
  readonly #idleMs: number
  readonly #onEnd: (ended: VerifyThread) => void
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #idle: NodeJS.Timeout | undefined

  /** `onEnd`: the thread accepts no more work. */
  constructor(worker: Worker, idleMs: number, onEnd: (ended: VerifyThread) => void) {
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
      const job: VerifyJob = { id, memory, at, length, ...groups }
      this.#worker.postMessage(job, [memory])
    })
  }

  #reported({ id, memory, wrong }: VerifyReport): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (wrong === undefined) waiting?.resolve(new Uint8Array(memory))
    else waiting?.reject(notTheValues(wrong))
    if (this.#waiting.size > 0) return
    // Not earlier: a thread forgets an `unref` that precedes its start.
    this.#worker.unref()
    this.#idle ??= setTimeout(() => {
      this.#onEnd(this)
      void this.#worker.terminate()
    }, this.#idleMs).unref()
  }

  #fail(what: string, cause?: unknown): void {
    clearTimeout(this.#idle)
    this.#onEnd(this)
    const fault = new DstoreError('internal', `the thread that verifies values ${what}`, { cause })
    for (const { reject } of this.#waiting.values()) reject(fault)
    this.#waiting.clear()
  }
}
