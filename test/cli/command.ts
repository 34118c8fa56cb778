/** Runs the bundled command line as a process, in a temporary directory. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DISK } from '../disk.ts'
import { takeLock } from '../../src/daemon/process/lock.ts'
import { USER_ID } from '../../src/platform.ts'
import { deleteOwnerless } from '../../src/store/cached/owners.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'

export const BUNDLE: string = fileURLToPath(new URL('../../dstore.js', import.meta.url))

export interface Outcome {
  readonly exit: number | string
  readonly stdout: Buffer
  readonly stderr: string
}

export interface CommandOptions {
  readonly input?: Uint8Array | string
  readonly env?: Readonly<Record<string, string>>
  /** A file descriptor for its standard output; a pipe without one. */
  readonly stdout?: number
}

/** A test, or a fixture that tests share: its teardowns run when it ends. */
export interface Owner {
  readonly teardown: (end: () => unknown) => void
}

/** A directory for one test. Ends the daemons of its state directories at the end. */
export class Place {
  readonly path: string
  readonly state: string
  /** The command line that runs there. */
  readonly program: string = BUNDLE

  constructor(t: Owner, state?: string) {
    this.path = mkdtempSync(join(DISK, 'dstore-cli-'))
    this.state = state ?? join(this.path, 'state')
    t.teardown(async () => {
      const served = readdirSync(this.path).filter((name) => isServed(join(this.path, name)))
      await Promise.all(served.map((name) => this.run(['stop', '--dir', name])))
      endThoseIn(this.path)
      rmSync(this.path, { recursive: true, force: true, maxRetries: 10 })
      deleteSharedFiles()
    })
  }

  file(name: string): string {
    return join(this.path, name)
  }

  env(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    const { PATH, DSTORE_PORTABLE = '0', DSTORE_NATIVE = '', DSTORE_TEST_RUN } = process.env
    const chosen = { DSTORE_PORTABLE, DSTORE_NATIVE, DSTORE_TEST_RUN }
    return { PATH, HOME: this.path, DSTORE_DIR: this.state, ...chosen, ...more }
  }

  /** Start the command without waiting for it. */
  start(args: readonly string[], { env, stdout }: CommandOptions = {}): ChildProcess {
    return spawn(process.execPath, [this.program, ...args], {
      cwd: this.path,
      env: this.env(env),
      stdio: ['pipe', stdout ?? 'pipe', 'pipe'],
    })
  }

  /** Run the command to its end. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
    const child = this.start(args, options)
    child.stdin!.on('error', () => undefined)
    child.stdin!.end(options.input)
    return outcome(child)
  }
}

/**
 * Ends the processes that work in this folder: a daemon that is starting, whose command has ended,
 * has no lock yet. Linux alone shows them.
 */
function endThoseIn(folder: string): void {
  if (!existsSync('/proc/self/cwd')) return
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const path = readlinkSync(`/proc/${name}/cwd`)
      if (path === folder || path.startsWith(`${folder}/`)) process.kill(Number(name), 'SIGKILL')
    } catch {
      // It has ended, or another user has it.
    }
  }
}

/** Deletes what Locals that were killed left on shared memory. */
function deleteSharedFiles(): void {
  const folder = `/dev/shm/dstore-${USER_ID}`
  if (!existsSync(folder)) return
  try {
    deleteOwnerless(folder)
    rmdirSync(folder)
  } catch {
    // Others are in use.
  }
}

/** Does a daemon run on this state directory? Its lock ends with its process. */
function isServed(path: string): boolean {
  const { lock } = stateDirectory(path)
  if (!existsSync(lock)) return false
  try {
    takeLock(lock).release()
    return false
  } catch {
    return true
  }
}

/** The outcome of a command: its output, and its exit code or the signal that killed it. */
export async function outcome(child: ChildProcess): Promise<Outcome> {
  const stdout: Buffer[] = []
  let stderr = ''
  child.stdout?.on('data', (piece: Buffer) => stdout.push(piece))
  child.stderr?.on('data', (piece) => (stderr += String(piece)))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { exit: code ?? signal!, stdout: Buffer.concat(stdout), stderr }
}
