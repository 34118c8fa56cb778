/** Starting a daemon in the background, where it outlives the command that needs it (R007-10). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemFault } from '../../errno.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { START_MS } from '../../limits.ts'
import { connectTo } from '../client/connection.ts'
import { LOG_FILE_VARIABLE, openLog } from './log-file.ts'
import { errorOf } from '../api/problem.ts'
import { LineSplitter } from '../api/line-splitter.ts'
import { READY_FD_VARIABLE } from './readiness.ts'
import type { Readiness, StartStep } from './readiness.ts'
import { faultOf } from '../../store/disk/faults.ts'
import { createDirectory } from '../config/state-directory.ts'
import type { StateDirectory } from '../config/state-directory.ts'

/** Polling for a daemon that another process is starting: 20 times, 50 ms apart. */
const POLL_MS = 50
const POLLS = 20

export interface BackgroundOptions {
  readonly directory: StateDirectory
  /** The program and arguments that run a daemon in the foreground. */
  readonly command: readonly [string, ...string[]]
  /** Standard input of the daemon: a secret, which its arguments would reveal to other users. */
  readonly input?: string | undefined
  /** How long it may take until it serves, or says what else it does; default `START_MS`. */
  readonly patienceMs?: number
  /** What it does, for people. */
  readonly onStep?: (doing: string) => void
  /** Path of the socket, where another daemon of this directory would serve. */
  readonly socket: string
  /** Ends the wait with its reason, and a daemon that does not serve yet. */
  readonly signal?: AbortSignal
}

/**
 * Starts a daemon and waits until it serves; resolves to the path of its socket. If another process
 * was first, waits for its daemon. Rejects with the error that kept the daemon from starting.
 */
export async function startInBackground(options: BackgroundOptions): Promise<string> {
  createDirectory(options.directory)
  const giveUpAt = performance.now() + START_MS
  for (;;) {
    const readiness = await launch(options)
    if (readiness.ready) return readiness.socket
    const { problem } = readiness
    if (problem.code !== 'locked' || performance.now() > giveUpAt) throw errorOf(problem)
    // The holder of the lock is starting, and serves soon, or stopping, and then this start wins.
    if (await pollUntilServed(options.socket)) return options.socket
  }
}

async function launch({
  directory,
  command,
  input,
  signal,
  patienceMs = START_MS,
  onStep,
}: BackgroundOptions): Promise<Readiness> {
  const [program, ...parameters] = command
  const log = openLogIfPossible(directory.log)
  const child = spawn(program, parameters, {
    cwd: directory.path,
    detached: true,
    env: { ...process.env, [READY_FD_VARIABLE]: '3', [LOG_FILE_VARIABLE]: directory.log },
    stdio: [input === undefined ? 'ignore' : 'pipe', log, log, 'pipe'],
  })
  if (typeof log === 'number') closeSync(log)
  // The system refused to start it. Then it has no pipes, and an error follows.
  if (child.pid === undefined) {
    const [cause] = (await once(child, 'error')) as [Error]
    throw faultOf(cause, 'start a daemon')
  }
  // A daemon that ends before it reads its input reports why on the pipe.
  child.stdin?.on('error', () => undefined).end(input)
  let fail: (error: Error) => void
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  child.once('error', (error) => fail(error))
  const cancel = (): void => {
    child.kill('SIGTERM')
    fail(asDstoreError(signal!.reason))
  }
  signal?.addEventListener('abort', cancel)
  if (signal?.aborted === true) cancel()
  const ended = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>
  ended.catch(() => undefined)
  const timer = setTimeout(() => child.kill('SIGTERM'), patienceMs)
  const onLine = (line: string): Readiness | undefined => {
    const said = JSON.parse(line) as Readiness | StartStep
    if (!('doing' in said)) return said
    timer.refresh()
    onStep?.(said.doing)
    return undefined
  }
  try {
    const pipe = child.stdio[3] as NodeJS.ReadableStream
    const readiness = await Promise.race([outcomeOf(pipe, onLine), failed])
    if (readiness !== undefined) return readiness
    const [code, signal] = await ended
    const how = signal ?? `exit code ${code}`
    throw new DstoreError('unreachable', `the daemon ended before it could serve (${how})`, {
      hint: `its log is ${directory.log}`,
    })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
    child.unref()
  }
}

/** A daemon without a log is better than none: on a full disk it can still free some. */
function openLogIfPossible(path: string): number | 'ignore' {
  try {
    return openLog(path)
  } catch (error) {
    if (systemFault(error)?.code === 'busy') throw faultOf(error, `open ${path}`)
    return 'ignore'
  }
}

/** What it said last before the end of the pipe, which it closes when it serves, or by dying. */
async function outcomeOf(
  pipe: NodeJS.ReadableStream,
  onLine: (line: string) => Readiness | undefined,
): Promise<Readiness | undefined> {
  let outcome: Readiness | undefined
  const lines = new LineSplitter()
  for await (const piece of pipe as AsyncIterable<Uint8Array>) {
    for (const line of lines.take(piece)) outcome = onLine(line) ?? outcome
  }
  return outcome
}

async function pollUntilServed(socket: string): Promise<boolean> {
  for (let poll = 0; poll < POLLS; poll++) {
    const connection = await connectTo(socket)
    connection?.destroy()
    if (connection !== undefined) return true
    await sleep(POLL_MS)
  }
  return false
}
