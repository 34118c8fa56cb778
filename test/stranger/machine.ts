/** A machine as a newcomer has it: an empty home, nothing of this clone, nothing from before. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

/** The output of a command, and how long it took. */
export interface Ran {
  /** The exit code, or the signal that ended it. */
  readonly exit: number | string
  readonly seconds: number
  readonly stdout: string
  readonly stderr: string
}

/** What is on a machine that was not there when it was made. */
export interface Left {
  /** Paths of files, and of folders without any, which end in a slash. */
  readonly paths: readonly string[]
  /** The command lines of processes. */
  readonly processes: readonly string[]
  /** Unix sockets by path, and TCP ports that are listened on. */
  readonly sockets: readonly string[]
}

export interface Machine {
  readonly name: string
  /** The home directory, as its user sees it. */
  readonly home: string
  /** An address at which the other machine reaches this one. */
  readonly address: string
  /** Does anything that was done show in `left`, or only what is below a few folders? */
  readonly isSealed: boolean
  /**
   * Runs a command line of a shell in the home directory. It reaches the other machine; or, online,
   * what this machine reaches.
   */
  readonly run: (command: string, options?: { readonly online?: boolean }) => Promise<Ran>
  /** Copies a file, such as a tarball or a ticket, to a path below the home directory. */
  readonly write: (path: string, bytes: Uint8Array) => Promise<void>
  readonly left: () => Promise<Left>
}

/** What a machine is made of. */
export interface Equipment {
  /** The folder of Node; undefined if the machine has none. */
  readonly node: string | undefined
  /** The folder of npm, unless the machine has none. */
  readonly npm: readonly string[]
  /** The umask of its user, such as 022. */
  readonly umask: string
}

/** Variables that npm needs to reach a registry through a proxy, from this process. */
const PASSED = /^(https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|npm_config_registry)$/i

/** The environment of a user who set the folder of global packages, as npm's manual has it. */
export function environment(home: string, path: readonly string[]): Record<string, string> {
  const passed = Object.entries(process.env).filter(([name]) => PASSED.test(name))
  return {
    ...(Object.fromEntries(passed) as Record<string, string>),
    HOME: home,
    PATH: [`${home}/.npm-global/bin`, `${home}/.local/bin`, ...path].join(':'),
    LANG: 'C.UTF-8',
    USER: 'stranger',
    npm_config_prefix: `${home}/.npm-global`,
    // A newer npm than this one is announced or not, depending on the day.
    npm_config_update_notifier: 'false',
  }
}

/** Runs a program to its end, without input. */
export async function timed(
  program: string,
  parameters: readonly string[],
  env: Record<string, string>,
): Promise<Ran> {
  const began = performance.now()
  const child = spawn(program, parameters, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (stdout += piece))
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { exit: code ?? signal!, seconds: (performance.now() - began) / 1000, stdout, stderr }
}

/** The lines of a text, without the line end after the last. */
export function linesOf(text: string): string[] {
  if (text === '') return []
  return text.replace(/\n$/, '').split('\n')
}

/** Every file below a folder, and every empty folder, which ends in a slash. */
export function leavesOf(base: string): string[] {
  const entries = readdirSync(base, { recursive: true, withFileTypes: true })
  const filled = new Set(entries.map(({ parentPath }) => parentPath))
  return entries
    .map((entry) => ({ entry, path: join(entry.parentPath, entry.name) }))
    .filter(({ path }) => !filled.has(path))
    .map(({ entry, path }) => relative(base, path) + (entry.isDirectory() ? '/' : ''))
}

/** The names of sockets in the lines of `/proc/net/unix`: paths as they were bound. */
export const socketsIn = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => /^\w+: (?:\w+ ){5} *\d+ (\S+)$/.exec(line)?.[1] ?? [])
