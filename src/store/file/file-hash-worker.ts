/**
 * A thread that hashes files, and copies them on the way: for each job it claims one piece after
 * another, reads it window by window into the memory of the hash engine, writes it from there, and
 * hashes it there as a subtree, until no piece is left or the job is stopped. `file-hash-threads`
 * starts it.
 */
import { parentPort } from 'node:worker_threads'
import { activeEngine } from '../../hash/engine/active-engine.ts'
import { type HashedSubtree, groupCvs, joinGroups } from '../../hash/engine/subtree.ts'
import { groupCount } from '../../hash/tree/tree.ts'
import {
  CHUNK_BYTES,
  COPY_WINDOW_BYTES,
  DIGEST_BYTES,
  HASH_WINDOW_BYTES,
  PIECE_BYTES,
} from '../../limits.ts'
import { CLAIMS, STOP } from './file-hash-job.ts'
import type { HashJob, HashReport } from './file-hash-job.ts'
import { readFully, writeFully } from './whole-window.ts'

const port = parentPort
if (port === null) throw new TypeError('this module is a thread of file-hash-threads')

const engine = activeEngine()
const memory = engine.window ?? new Uint8Array(HASH_WINDOW_BYTES)
const report = (message: HashReport): void => port.postMessage(message)

/** What is in progress, for the report of its failure. */
let doing: 'read' | 'write' = 'read'

port.on('message', (job: HashJob) => {
  try {
    report({ kind: work(job) })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    report({ kind: 'failed', doing, code, message })
  }
})

/** `shrank`: the file is shorter than the job says. */
function work(job: HashJob): 'done' | 'paused' | 'shrank' {
  const { size, pieces, shared } = job
  const state = new BigInt64Array(shared)
  const isStopped = (): boolean => Atomics.load(state, STOP) !== 0n
  for (let done = 0; !isStopped(); done++) {
    if (done === pieces) return 'paused'
    const index = Number(Atomics.add(state, CLAIMS, 1n))
    const start = index * PIECE_BYTES
    if (start >= size) break
    const hashed = hashPiece(job, start, Math.min(PIECE_BYTES, size - start), isStopped)
    if (hashed === undefined) return isStopped() ? 'done' : 'shrank'
    report({ kind: 'piece', index, ...hashed })
  }
  return 'done'
}

/** Undefined if the file ends before the piece does, or the job is stopped. */
function hashPiece(
  { fd, to, groupBytes }: HashJob,
  start: number,
  length: number,
  isStopped: () => boolean,
): HashedSubtree | undefined {
  const cvs = new Uint8Array(groupCount(length, groupBytes) * DIGEST_BYTES)
  const windowBytes = to === undefined ? HASH_WINDOW_BYTES : COPY_WINDOW_BYTES
  for (let at = 0; at < length; at += windowBytes) {
    if (isStopped()) return undefined
    const window = memory.subarray(0, Math.min(windowBytes, length - at))
    doing = 'read'
    if (!readFully(fd, window, start + at)) return undefined
    doing = 'write'
    // Before it is hashed: hashing a short last group moves it within the window.
    if (to !== undefined) writeFully(to, window, start + at)
    const chunk = (start + at) / CHUNK_BYTES
    cvs.set(groupCvs(window, chunk, groupBytes, engine), (at / groupBytes) * DIGEST_BYTES)
  }
  return joinGroups(cvs, false, engine)
}
