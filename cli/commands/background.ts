/** `start`, `stop`, `status`, `logs`: the node in the background. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DstoreError } from '../../src/errors.ts'
import { readyLine } from '../../src/daemon/process/readiness.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import type { Invocation } from '../command.ts'
import type { Flags } from '../flags.ts'
import { nodeParameters } from '../node-flags.ts'
import { findDaemon, place, requireDaemon, startDaemon } from '../session.ts'
import { readDestination } from '../input/ticket-input.ts'
import { afterGlobalStart, afterLocalStart } from '../terminal/next-steps.ts'
import { httpText, statusText } from '../terminal/status-text.ts'
import { plural, type Terminal } from '../terminal/terminal.ts'
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
  else if (parameters.length > 0) throw alreadyRunning(flags, await running.status())
  const client = running ?? (await requireDaemon(invocation))
  const found = await client.status()
  await announce(found, terminal)
  // Of a start that changed something: scripts start what runs already, too.
  if (running === undefined) for (const note of nextSteps(found, invocation)) terminal.note(note)
  return 0
}

function nextSteps(found: StatusAnswer, { flags }: Invocation): string[] {
  return found.role === 'global' ? afterGlobalStart(found, flags) : afterLocalStart(found, flags)
}

/** Prints the ready line of a node. */
export async function announce(found: StatusAnswer, terminal: Terminal): Promise<void> {
  await terminal.announce(found, readyLine(found, found.daemon.socket))
  const { http } = found.daemon
  if (http !== undefined) terminal.note(`HTTP on ${httpText(http)}`)
}

/** A running daemon takes no new flags; one with values of its own says how many it has. */
export function alreadyRunning(
  { join }: Flags,
  found?: Pick<StatusAnswer, 'role' | 'store'>,
): DstoreError {
  const { values = 0, valueBytes = 0 } = found?.store ?? {}
  if (join === undefined || values === 0) {
    return new DstoreError('locked', 'a daemon is already running, with other flags', {
      hint: 'stop it with `dstore stop`, then start it with the new flags',
    })
  }
  const what = `${plural(values, 'value')} (${formatSize(valueBytes)})`
  const message = `a ${found!.role} node is running here; it has ${what}, which a Local does not serve`
  return new DstoreError('locked', message, {
    hint: 'run `dstore stop`; then `dstore join --with-data TICKET` uploads them to Global',
  })
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
