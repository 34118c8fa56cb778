/** Programs of engines that tests start and end. */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** The path of a program: stated by a variable of the environment, or found. */
export function programAt(variable: string, name: string): string | undefined {
  const stated = process.env[variable]
  const path = stated === undefined || stated === '' ? name : stated
  return spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0 ? path : undefined
}

/** Starts a program that ends when the test ends it. */
export function start(path: string, args: readonly string[], options?: SpawnOptions): ChildProcess {
  return spawn(path, args, { stdio: 'ignore', ...options })
}

/** Ends it and waits until it has ended. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

/** Calls `attempt` until it succeeds. */
export async function eventually<T>(ms: number, attempt: () => Promise<T>): Promise<T> {
  const until = performance.now() + ms
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > until) throw error
      await sleep(100)
    }
  }
}
