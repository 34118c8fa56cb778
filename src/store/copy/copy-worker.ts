/**
 * A thread that copies values: it reads a part, verifies it and writes it from the same memory, a
 * window at a time, so that a window stays in the caches of a core. copy-threads.ts starts it.
 */
import { closeSync, openSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { activeEngine } from '../../hash/engine/active-engine.ts'
import { wrongGroup } from '../../hash/proof/group-check.ts'
import { DIGEST_BYTES, GROUP_BYTES, KIB } from '../../limits.ts'
import type { CopyJob, CopyReport } from './copy-job.ts'
import { readFully, writeFully } from '../file/whole-window.ts'

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

/** Writes what the range has of the window, which begins at `start` in the value. */
function write({ target, range }: CopyJob, window: Uint8Array, start: number): void {
  const from = Math.max(0, range.start - start)
  const part = window.subarray(from, Math.max(from, range.end - start))
  writeFully(target, part, start + from - range.start)
}
