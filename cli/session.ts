/** Connects a command to the daemon of its state directory, and starts one if needed (R007-24). */
import { DstoreError } from '../src/errors.ts'
import type { Client } from '../src/daemon/client/client.ts'
import type { ClientOptions } from '../src/daemon/client/client-options.ts'
import { parseTimeout } from '../src/daemon/config/quantities.ts'
import {
  mergeSettings,
  readSettings,
  settingsFromEnvironment,
} from '../src/daemon/config/settings.ts'
import type { Role } from '../src/node/node-status.ts'
import { findPlace } from '../src/daemon/config/socket-place.ts'
import type { Place } from '../src/daemon/config/socket-place.ts'
import type { Invocation } from './command.ts'
import type { Flags } from './flags.ts'
import { ARCHIVE_LAG_MS, ARCHIVE_MARGIN_MS, START_MS } from '../src/limits.ts'
import { pathParameters } from './node-flags.ts'

/** How long a restore may take, in milliseconds: a signal ends it earlier. */
const RESTORE_MS = 24 * 3_600_000

/** The state directory of this call, and the socket of its daemon. */
export function place(flags: Flags): Place {
  return findPlace(flags.dir, flags.socket)
}

/** Connects to the daemon on a socket; undefined if none serves it. */
export type Connect<T> = (socket: string, options: ClientOptions) => Promise<T | undefined>

/** For every call. It loads what a command that gets one value does without. */
const connectClient: Connect<Client> = async (socket, options) =>
  (await import('../src/daemon/client/client.ts')).Client.connect(socket, options)

/** The running daemon; undefined if there is none. Throws why its socket cannot be known. */
export async function findDaemon(invocation: Invocation): Promise<Client | undefined> {
  return findDaemonBy(connectClient, invocation)
}

/** The running daemon; `unreachable` if there is none. */
export async function requireDaemon(invocation: Invocation): Promise<Client> {
  return requireDaemonBy(connectClient, invocation)
}

/** The running daemon, or a newly started one; `unreachable` with `--no-start`. */
export async function useDaemon(invocation: Invocation): Promise<Client> {
  return useDaemonBy(connectClient, invocation)
}

/** The same for what concerns members: no node is started only to say that it has none. */
export async function useDaemonWithMembers(invocation: Invocation): Promise<Client> {
  const running = await findDaemon(invocation)
  if (running !== undefined) return running
  if (roleToStart(invocation.flags) !== 'standalone') return useDaemon(invocation)
  throw new DstoreError('usage', 'a standalone node has no members', {
    hint: 'run this at the Global; to make this node one: `dstore start --global`',
  })
}

/** What a daemon of the state directory would be. */
function roleToStart(flags: Flags): Role {
  const saved = readSettings(place(flags).directory.config)
  return mergeSettings(settingsFromEnvironment(process.env), saved).role ?? 'standalone'
}

/** What a command asks of each of its calls. */
export function clientOptions({ flags, signal, terminal }: Invocation): ClientOptions {
  const timeout = flags.timeout ?? process.env['DSTORE_TIMEOUT']
  return {
    signal,
    ...(timeout && { timeoutMs: parseTimeout(timeout) }),
    onAnswer: (call, ms) => terminal.detail(`${call} (${ms.toFixed(1)}ms)`),
  }
}

async function findDaemonBy<T>(
  connect: Connect<T>,
  invocation: Invocation,
): Promise<T | undefined> {
  const { flags, terminal } = invocation
  const { socket, fault } = place(flags)
  const client = await connect(socket, clientOptions(invocation))
  // The settings may name the socket where a daemon does serve.
  if (client === undefined && fault !== undefined) throw fault
  terminal.detail(client === undefined ? `no daemon serves ${socket}` : `connected to ${socket}`)
  return client
}

async function requireDaemonBy<T>(connect: Connect<T>, invocation: Invocation): Promise<T> {
  const client = await findDaemonBy(connect, invocation)
  if (client !== undefined) return client
  const { path } = place(invocation.flags).directory
  throw new DstoreError('unreachable', `no daemon is running for ${path}`, {
    hint: 'start one with `dstore start`',
  })
}

/** As `useDaemon`, by another client. */
export async function useDaemonBy<T>(connect: Connect<T>, invocation: Invocation): Promise<T> {
  const { flags, terminal } = invocation
  const mayStart = flags['no-start'] !== true && process.env['DSTORE_NO_START'] !== '1'
  const running = await (mayStart ? findDaemonBy : requireDaemonBy)(connect, invocation)
  if (running !== undefined) return running
  const role = roleToStart(flags)
  await startDaemon(invocation)
  terminal.note(`started a ${role} node in the background; \`dstore stop\` ends it`)
  return requireDaemonBy(connect, invocation)
}

/**
 * A node with an archive may have to wait for the end of another's leases, or restore a store; a
 * member of a set loads the records that it lacks before it stands by.
 */
export function patienceFor(parameters: readonly string[], flags: Flags): number {
  const { archive: saved = 'none', engine } = readSettings(place(flags).directory.config)
  const { DSTORE_ENGINE = engine ?? '' } = process.env
  const isMember = parameters.some((one) => one.startsWith('--engine=')) || DSTORE_ENGINE !== ''
  if (isMember || parameters.includes('--take-over')) return RESTORE_MS
  const isGiven = parameters.some((one) => one.startsWith('--archive='))
  const isArchived = isGiven || saved !== 'none' || (process.env['DSTORE_ARCHIVE'] ?? '') !== ''
  return START_MS + (isArchived ? ARCHIVE_LAG_MS + ARCHIVE_MARGIN_MS : 0)
}

/** Start a daemon in the background with these parameters and input; returns when it serves. */
export async function startDaemon(
  { flags, signal, terminal }: Invocation,
  parameters: readonly string[] = [],
  input?: string,
): Promise<void> {
  const { startInBackground } = await import('../src/daemon/process/background.ts')
  const { directory, socket } = place(flags)
  // The daemon runs in another working directory: a relative path would mean another file there.
  const isGiven = (flags.socket ?? (process.env['DSTORE_SOCKET'] || undefined)) !== undefined
  const more = isGiven ? [`--socket=${socket}`] : []
  more.push(...pathParameters(parameters, process.env))
  const program = [process.execPath, ...process.execArgv, process.argv[1]!] as [string, ...string[]]
  await terminal.withProgress('start', (line) =>
    startInBackground({
      directory,
      socket,
      patienceMs: patienceFor(parameters, flags),
      onStep: (doing) => line.say(doing),
      command: [...program, 'daemon', `--dir=${directory.path}`, ...more, ...parameters],
      input,
      signal,
    }),
  )
}
