/** Real nodes as real processes: Global and Locals, each with a state directory of its own. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { test } from '../serial.ts'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import { DstoreError } from '../../src/errors.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import type { MemberRole } from '../../src/membership/role.ts'
import { Place, type Outcome, type Owner } from '../cli/command.ts'
import { askDaemon } from './asking.ts'

const PRELOADED = ['leash.js', 'wall-clock.js']
  .map((file) => `--import ${new URL(file, import.meta.url).href}`)
  .join(' ')

/** Signals that do not end a daemon under test. */
const SURVIVED: readonly NodeJS.Signals[] = ['SIGSTOP', 'SIGCONT', 'SIGUSR2']

/** A fixture for the tests of one file: made at its first use, torn down after the last test. */
export function shared<Fixture>(make: (owner: Owner) => Promise<Fixture>): () => Promise<Fixture> {
  const ends: (() => unknown)[] = []
  let made: Promise<Fixture> | undefined
  test.after.always(async () => {
    for (const end of ends.toReversed()) await end()
  })
  return () => (made ??= make({ teardown: (end) => void ends.push(end) }))
}

/** A daemon in the foreground, killed when its owner ends. */
export class Daemon {
  readonly place: Place
  readonly process: ChildProcess
  /** Its `dstore ready` line. */
  readonly ready: string

  private constructor(place: Place, process: ChildProcess, ready: string) {
    this.place = place
    this.process = process
    this.ready = ready
  }

  /** Starts a daemon and waits until it serves; throws its stderr if it does not. */
  static async start(t: Owner, args: readonly string[], place?: Place): Promise<Daemon> {
    const home = place ?? new Place(t)
    const child = home.start(['daemon', ...args], { env: { NODE_OPTIONS: PRELOADED } })
    t.teardown(() => end(child))
    let stderr = ''
    child.stderr!.on('data', (piece) => (stderr += String(piece)))
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    const { value } = (await lines.next()) as { value: string | undefined }
    if (value === undefined) throw new Error(`the daemon ended: ${stderr}`)
    return new Daemon(home, child, value)
  }

  /** Starts a Local with a ticket of this Global. */
  static async join(
    t: Owner,
    global: Daemon,
    args: readonly string[] = [],
    place?: Place,
    role: MemberRole = 'admin',
  ): Promise<Daemon> {
    const home = place ?? new Place(t)
    const { ticket } = await global.ask((client) => client.invite({ role }))
    writeFileSync(home.file('ticket'), ticket)
    return Daemon.start(t, ['--join', `@${home.file('ticket')}`, ...args], home)
  }

  /** Makes a ticket of this Global. */
  async invite(args: readonly string[] = ['--role', 'admin']): Promise<string> {
    const { stdout, stderr, exit } = await this.run(['invite', ...args])
    if (exit !== 0) throw new Error(`no ticket: ${stderr}`)
    return stdout.toString().trim()
  }

  /** Its peer id. */
  async peerId(): Promise<string> {
    return (await this.status()).peerId!
  }

  /** A multiaddr of it, with its peer id. */
  get address(): string {
    const address = this.ready.split(' ').find((word) => word.startsWith('/ip4/'))
    if (address === undefined) throw new Error(`no address in: ${this.ready}`)
    return address
  }

  run(args: readonly string[], input?: Uint8Array | string): Promise<Outcome> {
    return this.place.run(args, input === undefined ? {} : { input })
  }

  status(): Promise<StatusAnswer> {
    return this.ask((client) => client.status())
  }

  /** Asks the daemon from this process, as a command takes longer to start than to answer. */
  ask<Answer>(question: (client: Client) => Promise<Answer>): Promise<Answer> {
    return askDaemon(this.place.state, question)
  }

  /** The value of a key as text, or the exit code that `dstore get` would end with. */
  got(key: string): Promise<string | number> {
    return this.ask(async (client) => {
      try {
        const pieces: Uint8Array[] = []
        for await (const piece of (await client.get(key)).bytes) pieces.push(piece.slice())
        return Buffer.concat(pieces).toString()
      } catch (error) {
        if (error instanceof DstoreError) return error.kind.exit
        throw error
      }
    })
  }

  /** Bytes of values received over the network. */
  async bytesIn(): Promise<number> {
    const { traffic } = await this.status()
    return traffic.reduce((sum, { valueBytesIn }) => sum + valueBytesIn, 0)
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    this.process.kill(signal)
    if (!SURVIVED.includes(signal)) await once(this.process, 'close')
  }
}

/** Kills a process and waits for its end, which frees its locks. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'close')
}

/** Starts a Global and this many Locals. */
export async function network(
  t: Owner,
  locals: number,
  options: {
    readonly local?: readonly string[]
    readonly global?: readonly string[]
    /** The address that Local number `local` (from 0) dials for Global. */
    readonly route?: (address: string, local: number) => Promise<string>
  } = {},
): Promise<{ readonly global: Daemon; readonly locals: readonly Daemon[] }> {
  const global = await Daemon.start(t, ['--global', ...(options.global ?? [])])
  const { route } = options
  const starts = Array.from({ length: locals }, async (_, local) => {
    const address = await route?.(global.address, local)
    const home = new Place(t)
    const daemon = await Daemon.join(t, global, options.local, home)
    if (address === undefined || address === global.address) return daemon
    // It is a member now, by any route.
    await daemon.signal('SIGTERM')
    return Daemon.start(t, ['--join', address, ...(options.local ?? [])], home)
  })
  return { global, locals: await Promise.all(starts) }
}
