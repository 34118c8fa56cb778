/**
 * Hashes files in several threads, copies them on the way, and joins the subtrees of each into one
 * tree. All files of the process share the threads, of which each holds one window of a file.
 */
import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import { DstoreError, throwIfCancelled } from '../../errors.ts'
import { activeEngine } from '../../hash/engine/active-engine.ts'
import { CvStack } from '../../hash/engine/cv-stack.ts'
import type { Hashed } from '../../hash/hasher.ts'
import { PAIR_BYTES, groupCount, outboardBytes, pairOffset } from '../../hash/tree/tree.ts'
import { HASH_THREADS, PIECE_BYTES } from '../../limits.ts'
import { EarlySync, type Syncable } from './early-sync.ts'
import { changedFile, unreadableFile } from './file-faults.ts'
import { SHARED_BYTES, STOP } from './file-hash-job.ts'
import type { HashJob, HashReport, HashedPiece } from './file-hash-job.ts'
import { IdleThreads, silence } from './idle-threads.ts'
import { hasWorker } from './worker-file.ts'

/** Pieces that a thread takes of one file before another file has its turn. */
const TURN_PIECES = 32

/** An empty file to write to. */
export interface CopyTarget extends Syncable {
  readonly fd: number
}

/** A regular file to hash. */
export interface FileWork {
  /** Descriptor of the open file. */
  readonly fd: number
  /** Its name in messages. */
  readonly name: string
  /** Bytes; more than `PIECE_BYTES` if threads hash it. */
  readonly size: number
  readonly groupBytes: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((doneBytes: number, totalBytes: number | undefined) => void) | undefined
  /** So many bytes are done from the first one on, without a gap. */
  readonly onPrefix?: ((bytes: number) => void) | undefined
  /**
   * Where its bytes are written, each from the memory in which it is hashed. Most of them are
   * synced when the work ends, and the caller syncs the rest.
   */
  readonly target?: CopyTarget
}

/**
 * Once this settles, no thread uses the files any more. A failed write is thrown with the `code` of
 * the system, everything else as a `DstoreError`.
 */
export async function hashInThreads(work: FileWork): Promise<Hashed> {
  const { fd, name, size, groupBytes, signal, onProgress, onPrefix, target } = work
  const shared = new SharedArrayBuffer(SHARED_BYTES)
  const stop = (): void => {
    Atomics.store(new BigInt64Array(shared), STOP, 1n)
  }
  const job: HashJob = { fd, to: target?.fd, size, groupBytes, pieces: TURN_PIECES, shared }
  const early = target && new EarlySync(target, stop)
  const tree = new PieceTree(size, groupBytes)
  const pieces = Math.ceil(size / PIECE_BYTES)
  const threads = Math.min(availableParallelism(), HASH_THREADS, pieces)
  let doneBytes = 0
  const onPiece = (piece: HashedPiece): void => {
    tree.add(piece)
    doneBytes += Math.min(PIECE_BYTES, size - piece.index * PIECE_BYTES)
    early?.wrote(doneBytes)
    onProgress?.(doneBytes, size)
    onPrefix?.(Math.min(size, tree.pieces * PIECE_BYTES))
  }
  signal?.addEventListener('abort', stop)
  try {
    const running = Array.from({ length: threads }, async () => {
      while (await runTurn(job, name, onPiece, stop));
    })
    const results = await Promise.allSettled(running)
    await early?.ended()
    for (const result of results) if (result.status === 'rejected') throw result.reason
  } finally {
    signal?.removeEventListener('abort', stop)
  }
  throwIfCancelled(signal)
  return { ...tree.finish(), size }
}

/** Assembles the tree from pieces in any order. */
class PieceTree {
  readonly #groups: number
  readonly #groupsPerPiece: number
  readonly #outboard: Uint8Array
  readonly #stack: CvStack
  /** CVs that wait for those of earlier pieces. */
  readonly #early = new Map<number, Uint8Array>()

  constructor(size: number, groupBytes: number) {
    this.#groups = groupCount(size, groupBytes)
    this.#groupsPerPiece = PIECE_BYTES / groupBytes
    this.#outboard = new Uint8Array(outboardBytes(size, groupBytes))
    this.#stack = new CvStack(activeEngine(), ({ first, end, pair }) => {
      this.#outboard.set(pair, this.#offset(first, end))
    })
  }

  /** Pieces from the first one on, without a gap. */
  get pieces(): number {
    return this.#stack.leaves
  }

  add({ index, cv, outboard }: HashedPiece): void {
    if (outboard.byteLength >= PAIR_BYTES) {
      this.#outboard.set(outboard, this.#offset(index, index + 1))
    }
    this.#early.set(index, cv)
    for (;;) {
      const turn = this.#stack.leaves
      const next = this.#early.get(turn)
      if (next === undefined) return
      this.#stack.push(next, 0)
      this.#early.delete(turn)
    }
  }

  finish(): Pick<Hashed, 'digest' | 'outboard'> {
    return { digest: this.#stack.finish(), outboard: this.#outboard }
  }

  /** Offset in the outboard of the parent over these pieces. */
  #offset(first: number, end: number): number {
    const perPiece = this.#groupsPerPiece
    return pairOffset(first * perPiece, Math.min(end * perPiece, this.#groups), this.#groups)
  }
}

/** Those who wait for a thread, the first first. */
const waiting: ((worker: Worker) => void)[] = []

const WORKER = new URL('./file-hash-worker.js', import.meta.url)

/** Can threads be started here? */
export const HAS_HASH_THREADS: boolean = hasWorker(WORKER)

/** Threads that run, idle ones included. */
let threadCount = 0

const idle = new IdleThreads(WORKER, () => threadCount--)

const mostThreads = (): number => Math.min(availableParallelism(), HASH_THREADS)

function startThread(): Worker {
  threadCount++
  return idle.start()
}

async function takeThread(): Promise<Worker> {
  const kept = idle.take()
  if (kept !== undefined) return kept
  if (threadCount < mostThreads()) return startThread()
  return new Promise((resolve) => waiting.push(resolve))
}

function keepThread(worker: Worker): void {
  const next = waiting.shift()
  if (next === undefined) idle.keep(worker)
  else next(worker)
}

/** A thread has ended in the middle of its work: those who wait get another. */
function loseThread(): void {
  threadCount--
  const next = waiting.shift()
  if (next !== undefined) next(startThread())
}

/**
 * Runs a job on one thread for a while; true if it may have more to do. A fault stops all threads
 * of the job; it is thrown when this one has stopped.
 */
async function runTurn(
  job: HashJob,
  name: string,
  onPiece: (piece: HashedPiece) => void,
  stop: () => void,
): Promise<boolean> {
  const worker = await takeThread()
  let fault: unknown
  const fail = (cause: unknown): void => {
    fault ??= cause
    stop()
  }
  /** What the thread reported of its end; undefined if it ended itself. */
  const end = await new Promise<'paused' | 'over' | undefined>((resolve) => {
    worker.on('message', (report: HashReport) => {
      if (report.kind !== 'piece') {
        if (report.kind === 'shrank') fail(changedFile(name, 'shrank'))
        if (report.kind === 'failed') fail(faultOf(report, name))
        resolve(report.kind === 'paused' ? 'paused' : 'over')
        return
      }
      try {
        onPiece(report)
      } catch (error) {
        fail(error)
      }
    })
    worker.once('error', (cause) => {
      fail(new DstoreError('internal', `a hashing thread failed: ${cause.message}`, { cause }))
    })
    worker.once('exit', () => {
      fail(new DstoreError('internal', 'a hashing thread ended before its work'))
      resolve(undefined)
    })
    worker.postMessage(job)
  })
  silence(worker)
  if (end === undefined) loseThread()
  else keepThread(worker)
  if (fault !== undefined) throw fault
  return end === 'paused'
}

function faultOf(report: HashReport & { kind: 'failed' }, name: string): Error {
  if (report.doing === 'read') return unreadableFile(name, report)
  return Object.assign(new Error(report.message), { code: report.code, syscall: 'write' })
}
