/** What rows share: folder, files, daemons, servers, programs. Each is made when first used. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { end, serve, shell } from './processes.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const BUNDLE = join(ROOT, 'dist/dstore.js')

/** The version that rows of the kind "the old tree" compare with. `OLD=COMMIT` names another. */
const OLD_COMMIT = 'e438342'

/** A daemon, and how the command reaches it. */
export interface Daemon {
  readonly pid: number
  readonly dir: string
  readonly socket: string
  /** Words of a command for a shell: `${daemon.command} get KEY`, without notes. */
  readonly command: string
  readonly env: NodeJS.ProcessEnv
}

export interface Pair {
  readonly global: Daemon
  readonly local: Daemon
}

export interface DaemonOptions {
  readonly bundle?: string
  /** With the compiled hash. */
  readonly native?: boolean
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

export class Bench {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'dstore-bench-'))
  readonly programs: Readonly<Record<string, string>>
  /** Is there an addon that this tree uses? */
  readonly hasNative: boolean
  /** What the row at hand leaves out, and why. */
  missing: string[] = []
  readonly #shared = new Map<string, Promise<unknown>>()
  readonly #stops: (() => unknown)[] = []
  #count = 0

  constructor(programs: Readonly<Record<string, string>>, hasNative: boolean) {
    this.programs = programs
    this.hasNative = hasNative
  }

  /** Is the program here? If not, the page says that `what` was not measured. */
  has(program: string, what: string): boolean {
    const isHere = this.programs[program] !== undefined
    if (!isHere) this.missing.push(`${what}: there is no \`${program}\` on this machine`)
    return isHere
  }

  /** Made once for all rows. */
  shared<T>(name: string, make: () => Promise<T>): Promise<T> {
    const known = this.#shared.get(name) ?? make()
    this.#shared.set(name, known)
    return known as Promise<T>
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** A file of random bytes. */
  file(bytes: number, name = `random-${bytes}`): Promise<string> {
    return this.shared(name, async () => {
      const path = this.path(name)
      await shell('head -c "$1" /dev/urandom > "$2" && sync "$2"', [`${bytes}`, path])
      return path
    })
  }

  onClose(stop: () => unknown): void {
    this.#stops.push(stop)
  }

  /** Starts a daemon with these flags. */
  async daemon(args: readonly string[], options: DaemonOptions = {}): Promise<Daemon> {
    const { bundle = BUNDLE, native = false } = options
    const dir = this.path(`state-${++this.#count}`)
    const env = native ? { DSTORE_NATIVE: '' } : { DSTORE_NATIVE: '0' }
    const words = [bundle, 'daemon', '--dir', dir, '--log-level', 'error', ...args]
    const { child } = await serve(process.execPath, words, env)
    this.onClose(() => end(child))
    const command = [process.execPath, bundle].map(quoted).join(' ')
    const socket = join(dir, 'dstore.sock')
    return { pid: child.pid!, dir, socket, command, env: { ...env, DSTORE_DIR: dir } }
  }

  /** One that keeps its values on disk; with the compiled hash it is another. */
  standalone(options: DaemonOptions = {}): Promise<Daemon> {
    const name = `standalone ${options.bundle ?? ''} ${options.native ?? false}`
    return this.shared(name, () => this.daemon(['--standalone'], options))
  }

  /** Global, with its values on disk, and a Local that holds a few gibibytes. */
  pair(options: DaemonOptions = {}): Promise<Pair> {
    return this.shared(`pair ${options.bundle ?? ''} ${options.native ?? false}`, async () => {
      const global = await this.daemon(['--global'], options)
      const ticket = join(global.dir, 'bench-ticket')
      writeFileSync(ticket, await this.run(global, 'invite'))
      const port = await this.freePort()
      const flags = ['--join', `@${ticket}`, '--cache', '3GiB', '--http', `127.0.0.1:${port}`]
      return { global, local: await this.daemon(flags, options) }
    })
  }

  /** Runs `dstore ARGS` against the daemon, in a shell. */
  run(daemon: Daemon, args: string, more: readonly string[] = []): Promise<string> {
    return shell(`${daemon.command} ${args} "$@"`, more, daemon.env)
  }

  /** The command of the old version, built once; undefined if its commit is not here. */
  old(): Promise<string | undefined> {
    return this.shared('old tree', async () => {
      const commit = process.env['OLD'] ?? OLD_COMMIT
      const tree = this.path('old-tree')
      mkdirSync(tree)
      try {
        await shell('git -C "$1" archive "$2" | tar x -C "$3"', [ROOT, commit, tree])
      } catch {
        return undefined
      }
      symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
      const build = 'npx tsc -p . && npx rolldown -c rolldown.config.js --logLevel silent'
      await shell(`cd "$1" && ${build} > build.log`, [tree])
      return join(tree, 'dist/dstore.js')
    })
  }

  /** The pair of the old version; undefined, and noted, if there is none. */
  async oldPair(): Promise<Pair | undefined> {
    const bundle = await this.old()
    if (bundle !== undefined) return this.pair({ bundle })
    this.missing.push('the old tree: its commit is not in this clone (`OLD=COMMIT` names one)')
    return undefined
  }

  async freePort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    return port
  }

  /** Stops everything, and removes the folder. */
  async close(): Promise<void> {
    for (const stop of this.#stops.toReversed()) await stop()
    if (existsSync(this.folder)) rmSync(this.folder, { recursive: true, force: true })
  }
}

/** The commit of this tree, and whether it has changes. */
export function commitHere(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8' }).trim()
  try {
    return (
      git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') && ' changed')
    )
  } catch {
    return 'unknown'
  }
}
