/** A Global and three Locals as real processes, whose pages the tests open. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { MemberRole } from '../../src/membership/role.ts'
import { Place, type Owner } from '../cli/command.ts'
import { Running } from '../e2e/archive/archived.ts'

/** Sets the wall clock of a daemon forward by 25 hours at SIGUSR2. */
const CLOCK = `--import ${new URL('../e2e/wall-clock.js', import.meta.url).href}`

class ClockedPlace extends Place {
  override env(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    return super.env({ NODE_OPTIONS: CLOCK, ...more })
  }
}

/** Ends what a test started, the last first. */
export class Ends implements Owner {
  readonly #ends: (() => unknown)[] = []

  readonly teardown = (end: () => unknown): void => void this.#ends.push(end)

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) await end()
  }
}

/** The exit code of a command that finds no value. */
export const NOT_FOUND = 3

/** The machines' labels. */
export const LABELS = ['amsterdam', 'berlin', 'copenhagen'] as const

export interface Site {
  readonly global: Machine
  readonly locals: readonly Machine[]
  readonly ends: Ends
}

/** A node, with its daemon in the foreground. */
export class Machine {
  readonly #owner: Owner
  readonly #args: readonly string[]
  readonly place: Place
  node: Running

  private constructor(owner: Owner, place: Place, args: readonly string[], node: Running) {
    this.#owner = owner
    this.#args = args
    this.place = place
    this.node = node
  }

  /** Starts it and waits until it serves. `later`: its flags at a restart. */
  static async start(
    owner: Owner,
    args: readonly string[],
    { place = newPlace(owner), later = args }: { place?: Place; later?: readonly string[] } = {},
  ): Promise<Machine> {
    const node = await new Running(owner, place, args).ready()
    return new Machine(owner, place, later, node)
  }

  /** Ends the daemon and starts another on its state. */
  async restart(): Promise<void> {
    await this.node.stop()
    this.node = await new Running(this.#owner, this.place, this.#args).ready()
  }

  /** Runs a command here and gives its standard output; throws if it fails. */
  async run(args: readonly string[], input?: Uint8Array | string): Promise<string> {
    const { exit, stdout, stderr } = await this.node.run(args, input)
    if (exit !== 0) throw new Error(`dstore ${args.join(' ')}: ${exit}\n${stderr}`)
    return stdout.toString().trim()
  }

  /** A new URL of the page, which works once, as `dstore open --print` prints it. */
  open(role?: MemberRole): Promise<string> {
    return this.node.ask(async ({ sessions }) => {
      const { address } = await sessions.openHttp()
      const { code } = await sessions.makeCode(role)
      return `${address}/ui/#code=${code}`
    })
  }

  /** Has the daemon listen on this port. */
  http(port: number): Promise<unknown> {
    return this.node.ask(({ sessions }) => sessions.openHttp(port))
  }

  /** Puts a value by the command line; its key. */
  put(value: Uint8Array | string, ...more: readonly string[]): Promise<string> {
    return this.run(['put', '-', ...more], value)
  }

  /** Bytes of a value, by the command line. */
  async sha256(word: string): Promise<string> {
    const { exit, stdout, stderr } = await this.node.run(['get', word])
    if (exit !== 0) throw new Error(`dstore get ${word}: ${exit}\n${stderr}`)
    return sha256(stdout)
  }

  signal(signal: NodeJS.Signals): void {
    this.node.process.kill(signal)
  }
}

const newPlace = (owner: Owner): Place => new ClockedPlace(owner)

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex')

/** Starts the Global and the Locals. */
export async function startSite(): Promise<Site> {
  const ends = new Ends()
  try {
    const global = await Machine.start(ends, ['--global'])
    const locals = await Promise.all(LABELS.map((label) => joined(ends, global, label)))
    return { global, locals, ends }
  } catch (error) {
    await ends.end()
    throw error
  }
}

/** Starts a Local with this label, as a member with this role. */
export async function joined(
  owner: Owner,
  global: Machine,
  label: string,
  role: MemberRole = 'admin',
): Promise<Machine> {
  const place = newPlace(owner)
  const ticket = await global.run(['invite', '--role', role, '--label', label])
  writeFileSync(place.file('ticket'), ticket, { mode: 0o600 })
  return Machine.start(owner, ['--join', `@${place.file('ticket')}`], { place, later: [] })
}
