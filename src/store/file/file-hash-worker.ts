/**
 * A thread that hashes files: for each job it claims one piece after another, reads it and hashes
 * it as a subtree, until no piece is left or the job is stopped. `file-hash-threads` starts it.
 */
import { readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { activeEngine } from '../../hash/engine/active-engine.ts'
import { hashSubtree } from '../../hash/engine/subtree.ts'
import { CHUNK_BYTES, PIECE_BYTES } from '../../limits.ts'
import { CLAIMS, STOP } from './file-hash-job.ts'
import type { HashJob, HashReport } from './file-hash-job.ts'

const port = parentPort
if (port === null) throw new TypeError('this module is a thread of file-hash-threads')

const buffer = new Uint8Array(PIECE_BYTES)
const report = (message: HashReport): void => port.postMessage(message)

port.on('message', (job: HashJob) => {
  try {
    report({ kind: work(job) ? 'done' : 'shrank' })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    report({ kind: 'failed', code, message })
  }
})

/** False if the file is shorter than the job says. */
function work({ fd, size, groupBytes, shared }: HashJob): boolean {
  const state = new BigInt64Array(shared)
  while (Atomics.load(state, STOP) === 0n) {
    const index = Number(Atomics.add(state, CLAIMS, 1n))
    const start = index * PIECE_BYTES
    if (start >= size) break
    const length = Math.min(PIECE_BYTES, size - start)
    if (!readFully(fd, start, length)) return false
    const bytes = buffer.subarray(0, length)
    const chunk = start / CHUNK_BYTES
    const { cv, outboard } = hashSubtree(bytes, chunk, false, groupBytes, activeEngine())
    report({ kind: 'piece', index, cv, outboard })
  }
  return true
}

/** Fills the buffer; false if the file ends first. */
function readFully(fd: number, position: number, length: number): boolean {
  for (let done = 0; done < length;) {
    const read = readSync(fd, buffer, done, length - done, position + done)
    if (read === 0) return false
    done += read
  }
  return true
}
