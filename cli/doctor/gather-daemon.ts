/** Asks the daemon, if one serves, and says what is there if none answers. Starts none. */
import { readFile, stat } from 'node:fs/promises'
import { inTime } from '../../src/deadline.ts'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import { Client } from '../../src/daemon/client/client.ts'
import type { StateDirectory } from '../../src/daemon/config/state-directory.ts'
import { asDstoreError } from '../../src/errors.ts'
import { START_MS } from '../../src/limits.ts'
import type { DaemonFacts, Holder } from './facts.ts'

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

export async function lookAtDaemon(
  directory: StateDirectory,
  socket: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<DaemonFacts> {
  const kind = await kindOf(socket)
  if (kind === 'file') return { state: 'no socket file' }
  if (kind === 'none') return withoutSocket(directory)
  let client: Client | undefined
  try {
    const began = performance.now()
    const status = await within(timeoutMs, signal, async () => {
      client = await Client.connect(socket, { signal, timeoutMs })
      return client && (await client.status())
    })
    if (status === undefined) return await withoutServer(directory, socket)
    if (!isStatus(status)) return { state: 'strange', message: 'its answer is no status' }
    return { state: 'serving', status, ms: performance.now() - began }
  } catch (error) {
    signal.throwIfAborted()
    const {
      code,
      message,
      hint = 'choose another socket with --socket PATH',
    } = asDstoreError(error)
    if (code === 'not-permitted') return { state: 'denied', message, hint }
    if (code !== 'timeout') return { state: 'strange', message }
    const holder = await holderOf(directory)
    return { state: 'silent', holder, isStopped: await isStopped(holder) }
  } finally {
    client?.close()
  }
}

function within<T>(ms: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return inTime<T>({ ms, what: 'no answer', signal }, (resolve, reject) => {
    work().then(
      (result) => resolve(() => result),
      (error: unknown) => reject(asDstoreError(error)),
    )
    return () => undefined
  })
}

function isStatus(status: Partial<StatusAnswer> | null): status is StatusAnswer {
  return typeof status?.role === 'string' && typeof status.daemon?.pid === 'number'
}

async function kindOf(socket: string): Promise<'socket' | 'file' | 'none'> {
  try {
    return (await stat(socket)).isSocket() ? 'socket' : 'file'
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return 'none'
    // Connecting tells what denies it.
    return 'socket'
  }
}

async function withoutSocket(directory: StateDirectory): Promise<DaemonFacts> {
  if ((await isLocked(directory.lock)) !== true) return { state: 'none' }
  const holder = await holderOf(directory)
  const ageMs = Date.now() - Date.parse(holder?.since ?? '')
  return { state: 'no socket', holder, isStarting: ageMs < 2 * START_MS }
}

/** Nothing accepts connections: the process has ended, unless it has just removed its socket. */
async function withoutServer(directory: StateDirectory, socket: string): Promise<DaemonFacts> {
  if ((await kindOf(socket)) === 'none') return withoutSocket(directory)
  return { state: 'stale', holder: await holderOf(directory) }
}

/** The process that the lock file names; undefined if it names none. */
async function holderOf({ lock }: StateDirectory): Promise<Holder | undefined> {
  const text = await readFile(lock, 'utf8').catch(() => '')
  const match = /^(\d+) (\S+)\n$/.exec(text)
  return match === null ? undefined : { pid: Number(match[1]), since: match[2] }
}

/**
 * Does a process hold the lock on this file? Undefined where the system does not tell: to try it
 * would keep a daemon that starts at that moment from starting.
 */
async function isLocked(lock: string): Promise<boolean | undefined> {
  try {
    const { ino } = await stat(lock)
    const locks = await readFile('/proc/locks', 'latin1')
    return locks.split('\n').some((line) => line.split(/\s+/)[5]?.endsWith(`:${ino}`) === true)
  } catch {
    return undefined
  }
}

/** Is it stopped by a signal, as by SIGSTOP or Ctrl-Z? */
async function isStopped(holder: Holder | undefined): Promise<boolean> {
  if (holder === undefined) return false
  const text = await readFile(`/proc/${holder.pid}/stat`, 'latin1').catch(() => '')
  return /\) [Tt] /.test(text)
}
