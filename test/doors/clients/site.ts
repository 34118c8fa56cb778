/**
 * A Global and two machines for the clients of others, on loopback: each with its own daemon, API
 * over TCP and doors, as real processes.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { freePort } from '../../free-port.ts'

const DSTORE = resolve('dist/dstore.js')

/** One machine: a node with its doors. */
export interface Machine {
  /** Its state directory. */
  readonly dir: string
  /** Such as `http://127.0.0.1:1234`, without a slash at its end. */
  readonly url: string
  readonly writer: string
  readonly reader: string
}

export interface Site {
  /** A folder of this site, deleted at its end. */
  readonly folder: string
  readonly global: Machine
  /** Two Locals. */
  readonly a: Machine
  readonly b: Machine
  /** Runs dstore at a machine; throws if it fails. What it printed. */
  dstore(machine: Machine, ...words: string[]): string
  /** Stops Global, and starts it again. */
  stopGlobal(): void
  startGlobal(): void
  /** A new folder below that of the site. */
  newFolder(name: string): string
}

/** Runs a command and gives what it printed. Throws, with all that it printed, if it fails. */
export function run(
  command: string,
  words: readonly string[],
  options: {
    readonly cwd?: string
    readonly env?: NodeJS.ProcessEnv
    readonly input?: string
  } = {},
): string {
  const { env, ...rest } = options
  const { status, stdout, stderr, error } = spawnSync(command, words, {
    ...rest,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status === 0) return stdout
  const line = [command, ...words].join(' ')
  throw new Error(`${line}: ${status ?? error?.message}\n${stdout}\n${stderr}`)
}

/** Whether the command is in PATH, and answers to these words. */
export const has = (command: string, ...words: string[]): boolean =>
  spawnSync(command, words.length === 0 ? ['--version'] : words, { stdio: 'ignore' }).status === 0

/** Runs `work` at a new site, and ends it. */
export async function withSite(
  doors: string,
  work: (site: Site) => Promise<void>,
  flags: readonly string[] = [],
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'dstore-doors-'))
  const started: string[] = []
  const at = (dir: string, ...words: string[]): string =>
    run(process.execPath, [DSTORE, ...words, '--dir', dir]).trim()
  const start = async (name: string, role: readonly string[]): Promise<Machine> => {
    const dir = join(folder, name)
    const port = await freePort()
    const http = `127.0.0.1:${port}`
    started.push(dir)
    at(dir, ...role, '--http', http, '--door', doors, ...flags)
    const token = (as: string): string => at(dir, 'token', 'add', '--role', as, '--label', as)
    return { dir, url: `http://${http}`, writer: token('writer'), reader: token('reader') }
  }
  try {
    const global = await start('global', ['start', '--global'])
    const join_ = (uses: number): string => {
      const ticket = join(folder, `ticket-${uses}`)
      writeFileSync(ticket, at(global.dir, 'invite', '--role', 'admin'), { mode: 0o600 })
      return `@${ticket}`
    }
    const a = await start('a', ['join', join_(1)])
    const b = await start('b', ['join', join_(2)])
    const site: Site = {
      folder,
      global,
      a,
      b,
      dstore: ({ dir }, ...words) => at(dir, ...words),
      stopGlobal: () => void at(global.dir, 'stop'),
      startGlobal: () => void at(global.dir, 'start'),
      newFolder: (name) => {
        const path = join(folder, name)
        mkdirSync(path, { recursive: true })
        return path
      },
    }
    await work(site)
  } finally {
    for (const dir of started.toReversed()) {
      spawnSync(process.execPath, [DSTORE, 'stop', '--dir', dir], { stdio: 'ignore' })
    }
    rmSync(folder, { recursive: true, force: true })
  }
}
