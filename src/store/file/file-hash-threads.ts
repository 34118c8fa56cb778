/** Hashes one file with several threads, and joins the subtrees that they report into one tree. */
import type { FileHandle } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { DstoreError, throwIfCancelled } from '../../errors.ts'
import { activeEngine } from '../../hash/engine/active-engine.ts'
import { CvStack } from '../../hash/engine/cv-stack.ts'
import type { Hashed } from '../../hash/hasher.ts'
import { PAIR_BYTES, groupCount, outboardBytes, pairOffset } from '../../hash/tree/tree.ts'
import { HASH_THREADS, HASH_THREAD_IDLE_MS, PIECE_BYTES } from '../../limits.ts'
import { changedFile, unreadableFile } from './file-faults.ts'
import { SHARED_BYTES, STOP } from './file-hash-job.ts'
import type { HashJob, HashReport, HashedPiece } from './file-hash-job.ts'

/** A file to be hashed: opened, and found to be a regular one. */
export interface FileWork {
  readonly handle: FileHandle
  /** What messages call it. */
  readonly name: string
  /** Bytes; for threads more than one piece. */
  readonly size: number
  readonly groupBytes: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((doneBytes: number, totalBytes: number) => void) | undefined
}

/** When this settles, in whatever way, no thread touches the file any more. */
export async function hashInThreads(work: FileWork): Promise<Hashed> {
  const { handle, name, size, groupBytes, signal, onProgress } = work
  const shared = new SharedArrayBuffer(SHARED_BYTES)
  const stop = (): void => {
    Atomics.store(new BigInt64Array(shared), STOP, 1n)
  }
  const order: HashJob = { fd: handle.fd, size, groupBytes, shared }
  const tree = new PieceTree(size, groupBytes)
  const pieces = Math.ceil(size / PIECE_BYTES)
  const threads = Math.min(availableParallelism(), HASH_THREADS, pieces)
  let doneBytes = 0
  const onPiece = (piece: HashedPiece): void => {
    tree.add(piece)
    doneBytes += Math.min(PIECE_BYTES, size - piece.index * PIECE_BYTES)
    onProgress?.(doneBytes, size)
  }
  signal?.addEventListener('abort', stop)
  try {
    const running = Array.from({ length: threads }, () => runThread(order, name, onPiece, stop))
    for (const result of await Promise.allSettled(running)) {
      if (result.status === 'rejected') throw result.reason
    }
  } finally {
    signal?.removeEventListener('abort', stop)
  }
  throwIfCancelled(signal)
  return { ...tree.finish(), size }
}

/** Puts pieces that come in any order together: their parts of the outboard at once, their CVs in turn. */
class PieceTree {
  readonly #groups: number
  readonly #groupsPerPiece: number
  readonly #outboard: Uint8Array
  readonly #stack: CvStack
  /** CVs that came before their turn. */
  readonly #early = new Map<number, Uint8Array>()

  constructor(size: number, groupBytes: number) {
    this.#groups = groupCount(size, groupBytes)
    this.#groupsPerPiece = PIECE_BYTES / groupBytes
    this.#outboard = new Uint8Array(outboardBytes(size, groupBytes))
    this.#stack = new CvStack(activeEngine(), ({ first, end, pair }) => {
      this.#outboard.set(pair, this.#offset(first, end))
    })
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

  /** Where the pair of the parent over these pieces is. */
  #offset(first: number, end: number): number {
    const perPiece = this.#groupsPerPiece
    return pairOffset(first * perPiece, Math.min(end * perPiece, this.#groups), this.#groups)
  }
}

/** Threads without work, and when each is let go. They do not keep the process alive. */
const idle = new Map<Worker, NodeJS.Timeout>()

function takeThread(): Worker {
  const [kept] = idle.keys()
  if (kept === undefined) {
    // The flags of this process (a test runner's, a debugger's) are not for them.
    return new Worker(new URL('./file-hash-worker.js', import.meta.url), { execArgv: [] })
  }
  forgetThread(kept)
  kept.ref()
  return kept
}

function keepThread(worker: Worker): void {
  worker.unref()
  const letGo = (): void => {
    forgetThread(worker)
    void worker.terminate()
  }
  idle.set(worker, setTimeout(letGo, HASH_THREAD_IDLE_MS).unref())
  worker.once('exit', letGo)
}

function forgetThread(worker: Worker): void {
  clearTimeout(idle.get(worker))
  idle.delete(worker)
  worker.removeAllListeners('exit')
}

/** One thread's part of an order. Any fault calls off the work of all; it is told when the thread has stopped. */
async function runThread(
  order: HashJob,
  name: string,
  onPiece: (piece: HashedPiece) => void,
  stop: () => void,
): Promise<void> {
  const worker = takeThread()
  let fault: unknown
  const fail = (cause: unknown): void => {
    fault ??= cause
    stop()
  }
  /** Did it say how it ended? Then it waits for the next order. */
  const waits = await new Promise<boolean>((resolve) => {
    worker.on('message', (report: HashReport) => {
      if (report.kind !== 'piece') {
        if (report.kind === 'shrank') fail(changedFile(name, 'shrank'))
        if (report.kind === 'failed') fail(unreadableFile(name, report))
        resolve(true)
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
      resolve(false)
    })
    worker.postMessage(order)
  })
  // By name: Node listens to its own workers too, and all would be all.
  for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event)
  if (waits) keepThread(worker)
  if (fault !== undefined) throw fault
}
