/**
 * A thread that copies values: it reads a part, verifies it and writes it from the same memory, a
 * window at a time, so that a window stays in the caches of a core. copy-threads.ts starts it.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { activeEngine } from '../../hash/engine/active-engine.ts'
import { wrongGroup } from '../../hash/proof/group-check.ts'
import { DIGEST_BYTES, GROUP_BYTES, KIB } from '../../limits.ts'
import type { CopyJob, CopyReport } from './copy-job.ts'

const port = parentPort
if (port === null) throw new TypeError('this module is a thread of copy-threads')

/** Larger writes make file systems ask for large pages, which fragmented memory does not have. */
const WINDOW_BYTES = 128 * KIB

const buffer = new Uint8Array(WINDOW_BYTES)

port.on('message', (job: CopyJob) => port.postMessage(copy(job)))

function copy(job: CopyJob): CopyReport {
  let doing: 'read' | 'write' = 'read'
  try {
    const source = openSync(job.source, 'r')
    try {
      const { start, end } = job.groups
      for (let at = start; at < end; at += WINDOW_BYTES) {
        doing = 'read'
        const window = buffer.subarray(0, Math.min(WINDOW_BYTES, end - at))
        if (!readFully(source, window, at)) return { kind: 'short' }
        const expected = job.expected.subarray(((at - start) / GROUP_BYTES) * DIGEST_BYTES)
        const position = wrongGroup(window, { start: at, size: job.size, expected }, activeEngine())
        if (position !== undefined) return { kind: 'wrong', position }
        doing = 'write'
        write(job, window, at)
      }
      return { kind: 'copied' }
    } finally {
      closeSync(source)
    }
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException
    return { kind: 'failed', doing, code, syscall, message }
  }
}

/** Fills the window; false if the file ends first. */
function readFully(fd: number, window: Uint8Array, position: number): boolean {
  for (let done = 0; done < window.byteLength;) {
    const read = readSync(fd, window, done, window.byteLength - done, position + done)
    if (read === 0) return false
    done += read
  }
  return true
}

/** Writes what the range has of the window, which begins at `start` in the value. */
function write({ target, range }: CopyJob, window: Uint8Array, start: number): void {
  const end = Math.min(window.byteLength, range.end - start)
  for (let at = Math.max(0, range.start - start); at < end;) {
    at += writeSync(target, window, at, end - at, start + at - range.start)
  }
}
