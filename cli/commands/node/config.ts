/** `config`: the settings of a node, where each comes from, and how to change the saved ones. */
import { isDeepStrictEqual } from 'node:util'
import { findPlace } from '../../../src/daemon/config/socket-place.ts'
import {
  readSettings,
  resolveSettings,
  settingsFromEnvironment,
  writeSettings,
  type Settings,
} from '../../../src/daemon/config/settings.ts'
import { createDirectory, type StateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { DstoreError, asDstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { FLAGS, type FlagName, type Flags } from '../../flags.ts'
import { settingsFromFlags } from '../../node-flags.ts'
import { parseFlags } from '../../parse-flags.ts'
import { findDaemon } from '../../session.ts'
import { nearest } from '../../suggest.ts'
import { SETTINGS, textOf, variableOf } from './settings-table.ts'

export async function config(invocation: Invocation): Promise<number> {
  const { positionals, flags } = invocation
  const [action = 'show', name, ...values] = positionals
  const { directory } = findPlace(flags.dir, flags.socket)
  const isCalledWell =
    (action === 'show' && name === undefined) ||
    ((action === 'get' || action === 'unset') && name !== undefined && values.length === 0) ||
    (action === 'set' && values.length > 0)
  if (!isCalledWell) {
    throw new DstoreError('usage', 'config takes show, get NAME, set NAME VALUE or unset NAME', {
      hint: 'see `dstore config --help`',
    })
  }
  if (name !== undefined) checkName(name)
  if (name === undefined || action === 'get') return show(name, directory, invocation)
  await change(directory, invocation, (saved) =>
    action === 'set' ? withValue(name, values, saved) : withoutValue(name, saved),
  )
  return show(name, directory, invocation, false)
}

function checkName(name: string): void {
  if (Object.hasOwn(SETTINGS, name)) return
  const near = nearest(name.replace(/^--/, ''), Object.keys(SETTINGS))
  throw new DstoreError('usage', `no such setting: ${name}`, {
    hint: near === undefined ? '`dstore config` shows all' : `did you mean ${near}?`,
  })
}

/** Prints one setting, or all, as they hold for a node that starts now. */
async function show(
  name: string | undefined,
  directory: StateDirectory,
  { terminal }: Invocation,
  prints = true,
): Promise<number> {
  const given = settingsFromEnvironment(process.env)
  const saved = readSettings(directory.config)
  const inForce = resolveSettings(given, saved)
  for (const [setting, entry] of Object.entries(SETTINGS)) {
    if (name !== undefined && setting !== name) continue
    const text = textOf(entry, inForce)
    const isGiven = given[entry.key] !== undefined
    const source =
      text === undefined ? 'default' : isGiven ? variableOf(setting, given) : 'config.json'
    const value = text ?? entry.byDefault
    const document = { setting, value: inForce[entry.key] ?? null, text: value, source }
    const line = name === undefined ? `${setting.padEnd(16)}  ${value}  (${source})` : value
    if (prints || terminal.json) await terminal.printFact(document, line)
    if (!prints && isGiven) {
      terminal.note(`${variableOf(setting, given)} overrides it, where it is set`)
    }
  }
  return 0
}

/** The saved settings with another one, checked like those of a start. */
function withValue(name: string, values: readonly string[], saved: Settings): Settings {
  return resolveSettings(settingsFromFlags(flagsFor(name, values)), saved)
}

/** The flags that mean the same. */
function flagsFor(name: string, values: readonly string[]): Flags {
  const [value = ''] = values
  const only = (words: readonly string[]): void => {
    if (values.length === 1 && words.includes(value)) return
    throw new DstoreError('usage', `${name} is ${words.join(' or ')}`, {
      hint:
        name === 'role'
          ? 'for a Local, set join, or use `dstore join TICKET`'
          : `for no: dstore config unset ${name}`,
    })
  }
  if (name === 'role') {
    only(['standalone', 'global'])
    return value === 'global' ? { global: true } : { standalone: true }
  }
  if (SETTINGS[name]!.byDefault === 'no') {
    only(['yes'])
    return { [name]: true }
  }
  const flag = name as FlagName
  if (values.length > 1 && FLAGS[flag].multiple !== true) {
    throw new DstoreError('usage', `${name} takes one value`)
  }
  const args = values.map((one) => `--${flag}=${one}`)
  return parseFlags('config', [flag], args).flags
}

/** What goes with a role: a standalone node joins nothing, and opens no port for others. */
const OF_ROLE = ['role', 'join', 'listen', 'lanePort']

/** The saved settings without one: its default holds again. */
function withoutValue(name: string, saved: Settings): Settings {
  const gone: readonly string[] = name === 'role' ? OF_ROLE : [SETTINGS[name]!.key]
  const kept = Object.entries(saved).filter(([key]) => !gone.includes(key))
  return resolveSettings({}, Object.fromEntries(kept))
}

/** Saves what `next` makes of the saved settings, unless a daemon starts meanwhile. */
async function change(
  directory: StateDirectory,
  invocation: Invocation,
  next: (saved: Settings) => Settings,
): Promise<void> {
  const before = readSettings(directory.config)
  const after = next(before)
  createDirectory(directory)
  const running = await findDaemon(invocation)
  // A daemon saves its settings at the end of its start: it would undo this.
  const lock = running === undefined ? await lockUnlessServed(directory) : undefined
  try {
    if (running !== undefined && after.socket !== before.socket) throw servesSocket()
    writeSettings(directory.config, after)
  } finally {
    lock?.release()
    running?.close()
  }
  if (running === undefined || isDeepStrictEqual(before, after)) return
  invocation.terminal.note(
    'the running node does not use it yet: `dstore stop`, then `dstore start`',
  )
}

/** `stop` would not find the node any more. */
const servesSocket = (): DstoreError =>
  new DstoreError('locked', 'a node that runs cannot move to another socket', {
    hint: 'run `dstore stop` first',
  })

async function lockUnlessServed({ lock }: StateDirectory): Promise<{ release(): void }> {
  const { takeLock } = await import('../../../src/daemon/process/lock.ts')
  try {
    return takeLock(lock)
  } catch (error) {
    const { code } = asDstoreError(error)
    if (code !== 'locked') throw error
    throw new DstoreError('locked', 'a daemon is starting or stopping here', {
      cause: error,
      hint: 'try again in a moment',
    })
  }
}
