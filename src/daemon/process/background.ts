/** Starting a daemon that outlives the command which needs it (specs/007, "In the background"). */
import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { DstoreError } from '../../errors.ts'
import { START_MS } from '../../limits.ts'
import { connectTo } from '../client/connection.ts'
import { LOG_FILE_VARIABLE, openLog } from './log-file.ts'
import { errorOf } from '../api/problem.ts'
import { READY_FD_VARIABLE } from './readiness.ts'
import type { Readiness } from './readiness.ts'
import { createDirectory } from '../config/state-directory.ts'
import type { StateDirectory } from '../config/state-directory.ts'

/** How often, and for how long, to look whether a daemon that somebody else is starting serves by now. */
const LOOK_MS = 50
const LOOKS = 20

export interface BackgroundOptions {
  readonly directory: StateDirectory
  /** The program and arguments that run a daemon in the foreground. */
  readonly command: readonly [string, ...string[]]
  /** What the daemon reads on standard input: a secret that must not stand among its arguments. */
  readonly input?: string | undefined
  /** Where another daemon of this directory would serve. */
  readonly socket: string
  /** Ends the waiting with its reason; the daemon goes on. */
  readonly signal?: AbortSignal
}

/**
 * Start a daemon and wait until it serves; the path of its socket. Where somebody else's start came first, wait for
 * that one. Rejects with what kept the daemon from starting.
 */
export async function startInBackground(options: BackgroundOptions): Promise<string> {
  createDirectory(options.directory)
  const giveUpAt = performance.now() + START_MS
  for (;;) {
    const readiness = await launch(options)
    if (readiness.ready) return readiness.socket
    const { problem } = readiness
    if (problem.code !== 'locked' || performance.now() > giveUpAt) throw errorOf(problem)
    // Whoever holds the lock is starting, and will serve soon, or stopping, and will leave it to us.
    if (await served(options.socket)) return options.socket
  }
}

async function launch({
  directory,
  command,
  input,
  signal,
}: BackgroundOptions): Promise<Readiness> {
  const [program, ...parameters] = command
  const log = openLog(directory.log)
  const child = spawn(program, parameters, {
    cwd: directory.path,
    detached: true,
    env: { ...process.env, [READY_FD_VARIABLE]: '3', [LOG_FILE_VARIABLE]: directory.log },
    stdio: [input === undefined ? 'ignore' : 'pipe', log, log, 'pipe'],
  })
  closeSync(log)
  // A daemon that ends before it has read it says why itself.
  child.stdin?.on('error', () => undefined).end(input)
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  const late = setTimeout(() => child.kill('SIGTERM'), START_MS)
  try {
    const line = await Promise.race([firstLine(child.stdio[3] as NodeJS.ReadableStream), failed])
    if (line !== undefined) return JSON.parse(line) as Readiness
    throw new DstoreError('unreachable', 'the daemon ended before it could serve', {
      hint: `its log is ${directory.log}`,
    })
  } finally {
    clearTimeout(late)
    child.unref()
  }
}

/** Until the pipe ends: the child closes it when it serves, the system when the child dies. */
async function firstLine(pipe: NodeJS.ReadableStream): Promise<string | undefined> {
  let text = ''
  for await (const piece of pipe) text += String(piece)
  return text.endsWith('\n') ? text : undefined
}

async function served(socket: string): Promise<boolean> {
  for (let look = 0; look < LOOKS; look++) {
    const connection = await connectTo(socket)
    connection?.destroy()
    if (connection !== undefined) return true
    await sleep(LOOK_MS)
  }
  return false
}
