/** Processes that a benchmark starts, and their processor time. Linux only: it reads `/proc`. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

const TICKS = Number(execFileSync('getconf', ['CLK_TCK']))

/** Fields of `/proc/PID/stat` from the state on: the name before it may hold anything. */
function fields(pid: number | 'self'): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

const seconds = (ticks: readonly (string | undefined)[]): number =>
  ticks.reduce((sum, one) => sum + Number(one), 0) / TICKS

/**
 * Processor time so far, in seconds, of this process, of those that it started and that have ended,
 * with theirs, and of these daemons.
 */
export function cpuSeconds(daemons: readonly number[]): number {
  const own = seconds(fields('self').slice(11, 15))
  return daemons.reduce((sum, pid) => sum + seconds(fields(pid).slice(11, 13)), own)
}

/** Runs a script by `bash`; its arguments are `$1` and so on. Returns what it prints. */
export async function shell(
  script: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const child = spawn('bash', ['-c', `set -e -o pipefail\n${script}`, 'bench', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, errors] = [collect(child.stdout), collect(child.stderr)]
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${errors.text.trim()}`)
  return out.text
}

function collect(stream: NodeJS.ReadableStream): { text: string } {
  const collected = { text: '' }
  stream.setEncoding('utf8').on('data', (piece: string) => (collected.text += piece))
  return collected
}

/** Starts a process that serves, and waits for its first line. */
export async function serve(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly child: ChildProcess; readonly line: string }> {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const errors = collect(child.stderr)
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (piece: Buffer) => resolve(piece.toString().split('\n')[0]!))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}: ${errors.text}`)))
  })
  child.stdout.resume()
  return { child, line }
}

/** Ends a process, if it has not ended, and waits for its end. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await ended
  clearTimeout(timer)
}
