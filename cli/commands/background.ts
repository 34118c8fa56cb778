/** `start`, `stop`, `logs`: the node in the background. */
import { existsSync } from 'node:fs'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import { readyLine } from '../../src/daemon/process/readiness.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import { readSettings, type Settings } from '../../src/daemon/config/settings.ts'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import type { Invocation } from '../command.ts'
import type { Flags } from '../flags.ts'
import { nodeParameters } from '../node-flags.ts'
import { findDaemon, place, requireDaemon, startDaemon } from '../session.ts'
import { readDestination, type Destination } from '../input/ticket-input.ts'
import { afterGlobalStart, afterLocalStart, wasLocal } from '../terminal/next-steps.ts'
import { doorsText, httpText, isPlain, plainText } from '../terminal/status-text.ts'
import { plural, type Terminal } from '../terminal/terminal.ts'

export async function start(invocation: Invocation): Promise<number> {
  const { flags, terminal, signal } = invocation
  const parameters = nodeParameters(flags)
  const to =
    flags.join === undefined ? undefined : await readDestination(flags.join, terminal, signal)
  const running = await findDaemon(invocation)
  const before = running === undefined ? savedSettings(invocation) : {}
  if (running === undefined) await startDaemon(invocation, parameters, to?.text)
  else if (parameters.length > 0) checkSame(invocation, await running.status(), to)
  const client = running ?? (await requireDaemon(invocation))
  const found = await client.status()
  await announce(found, terminal)
  // Of a start that changed something: scripts start what runs already, too.
  if (running !== undefined) {
    if (to !== undefined) terminal.note('this node had joined that Global before')
    return 0
  }
  if (before.role === 'local' && found.role !== 'local') terminal.note(wasLocal(before, flags))
  for (const note of nextSteps(found, invocation)) terminal.note(note)
  return 0
}

/** The settings of the last start; none if they cannot be read, of which the daemon complains. */
function savedSettings({ flags }: Invocation): Settings {
  const { directory, fault } = place(flags)
  return fault === undefined ? readSettings(directory.config) : {}
}

function nextSteps(found: StatusAnswer, { flags }: Invocation): string[] {
  return found.role === 'global' ? afterGlobalStart(found, flags) : afterLocalStart(found, flags)
}

/** Prints the ready line of a node. */
export async function announce(
  found: StatusAnswer,
  terminal: Pick<Terminal, 'announce' | 'note'>,
): Promise<void> {
  await terminal.announce(found, readyLine(found, found.daemon.socket))
  const { http } = found.daemon
  const doors = doorsText(found.daemon)
  if (http !== undefined) terminal.note(`HTTP on ${httpText(http)}`)
  if (doors !== undefined) terminal.note(`doors: ${doors}`)
  if (http === undefined) return
  if (isPlain(http.url)) {
    terminal.note(`warning: ${plainText(http.url)}; see --http-cert and --http-key`)
  }
}

/** Throws `locked` unless the running node is what the flags ask for (R007-148, R007-158). */
export function checkSame(
  { flags }: Invocation,
  found: StatusAnswer,
  to: Destination | undefined,
): void {
  if (found.role !== 'local') throw alreadyRunning(flags, found)
  const { join: _join, ...others } = flags
  if (nodeParameters({ ...others, 'without-data': false }).length > 0) throw alreadyRunning({})
  if (to === undefined || isFor(to, found.global!.peer)) return
  throw new DstoreError('locked', 'a Local of another Global is running here', {
    hint: 'stop it with `dstore stop`, or choose another --dir',
  })
}

const isFor = ({ ticket, text }: Destination, peer: string): boolean =>
  ticket === undefined
    ? text.split(',').every((one) => one.endsWith(`/p2p/${peer}`))
    : ticket.peer === peer

/** A running daemon takes no new flags; one with values of its own says how many it has. */
export function alreadyRunning(
  { join }: Flags,
  found?: Pick<StatusAnswer, 'role' | 'store'>,
): DstoreError {
  if (join === undefined || found === undefined) {
    return new DstoreError('locked', 'a daemon is already running, with other flags', {
      hint: 'stop it with `dstore stop`, then start it with the new flags',
    })
  }
  const { values = 0, valueBytes = 0 } = found.store ?? {}
  const here = `a ${found.role} node is running here`
  if (values === 0) {
    return new DstoreError('locked', here, { hint: 'run `dstore stop`, then join again' })
  }
  const what = `${plural(values, 'value')} (${formatSize(valueBytes)})`
  return new DstoreError('locked', `${here}; it has ${what}, which a Local does not serve`, {
    hint: 'run `dstore stop`; then `dstore join --with-data TICKET` uploads them to Global',
  })
}

export async function stop(invocation: Invocation): Promise<number> {
  const client = await findDaemon(invocation)
  if (client !== undefined) await client.stop()
  else {
    await requireUnlocked(invocation)
    invocation.terminal.note('no daemon is running')
  }
  return 0
}

/** Throws `locked` if a daemon has the state directory, and does not serve its socket. */
async function requireUnlocked({ flags }: Invocation): Promise<void> {
  const { directory, socket } = place(flags)
  const isAnother = (flags.socket ?? (process.env['DSTORE_SOCKET'] || undefined)) !== undefined
  if (isAnother || !existsSync(directory.lock)) return
  const { takeLock } = await import('../../src/daemon/process/lock.ts')
  try {
    takeLock(directory.lock).release()
  } catch (error) {
    const { code, message } = asDstoreError(error)
    // Of a directory that this user may not write to, the socket has told enough.
    if (code !== 'locked') return
    throw new DstoreError(code, message, {
      cause: error,
      hint: `it does not serve ${socket}: try again in a moment, or end that process`,
    })
  }
}
