/** `start`, `join`, `stop`, `status`, `logs`: the node in the background. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DstoreError } from '../../src/errors.ts'
import { readyLine } from '../../src/daemon/process/readiness.ts'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import type { Invocation } from '../command.ts'
import { nodeParameters } from '../node-flags.ts'
import { findDaemon, place, requireDaemon, startDaemon } from '../session.ts'
import { readDestination } from '../input/ticket-input.ts'
import { afterGlobalStart, afterLocalStart } from '../terminal/next-steps.ts'
import { httpText, statusText } from '../terminal/status-text.ts'
import { showLog } from '../terminal/show-log.ts'

/** How often `status --watch` refreshes. */
const REFRESH_MS = 1000

export async function start(invocation: Invocation): Promise<number> {
  const { flags, terminal, signal } = invocation
  const parameters = nodeParameters(flags)
  const to =
    flags.join === undefined ? undefined : await readDestination(flags.join, terminal, signal)
  const running = await findDaemon(invocation)
  if (running === undefined) await startDaemon(invocation, parameters, to?.text)
  else if (parameters.length > 0) {
    throw new DstoreError('locked', 'a daemon is already running, with other flags', {
      hint: 'stop it with `dstore stop`, then start it with the new flags',
    })
  }
  const client = running ?? (await requireDaemon(invocation))
  const found = await client.status()
  await terminal.announce(found, readyLine(found, found.daemon.socket))
  const { http } = found.daemon
  if (http !== undefined) terminal.note(`HTTP on ${httpText(http)}`)
  // Of a start that changed something: scripts start what runs already, too.
  if (running === undefined) for (const note of nextSteps(found, invocation)) terminal.note(note)
  return 0
}

function nextSteps(found: StatusAnswer, { flags }: Invocation): string[] {
  return found.role === 'global' ? afterGlobalStart(found, flags) : afterLocalStart(found, flags)
}

/** The same as `start --join`. */
export function join(invocation: Invocation): Promise<number> {
  const { flags, positionals } = invocation
  return start({ ...invocation, flags: { ...flags, join: positionals[0] ?? '-' } })
}

export async function stop(invocation: Invocation): Promise<number> {
  const client = await findDaemon(invocation)
  if (client === undefined) invocation.terminal.note('no daemon is running')
  else await client.stop()
  return 0
}

export async function status(invocation: Invocation): Promise<number> {
  const { flags, terminal, signal } = invocation
  const client = await requireDaemon(invocation)
  for (;;) {
    const found = await client.status()
    if (flags.watch === true) await terminal.clearScreen()
    await terminal.printFact(found, statusText(found))
    if (flags.watch !== true) return 0
    // Rethrow the reason of the signal: it decides the exit code.
    await sleep(REFRESH_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

export async function logs({ flags, terminal, signal }: Invocation): Promise<number> {
  const { log } = place(flags).directory
  await showLog(log, flags.follow === true, terminal, signal)
  return 0
}
