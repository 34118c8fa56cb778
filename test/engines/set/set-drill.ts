/** Daemons of a set, and Locals of it, as processes: what the drills break. */
import assert from 'node:assert/strict'
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dstore, connect } from '../../../src/dstore.ts'
import type { StatusAnswer } from '../../../src/daemon/api/api.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { BUNDLE, Place, type Outcome, type Owner } from '../../cli/command.ts'
import { Running } from '../../e2e/archive/archived.ts'
import { freePort } from '../../free-port.ts'
import type { Engine } from '../engine.ts'
import { eventually } from '../journals/processes.ts'
import type { JournalEngine } from './engines.ts'

/** A machine with a member, whose supervisor starts it again when it ends. */
export class Member {
  readonly place: Place
  readonly name: string
  readonly #drill: SetDrill
  readonly #listen: string
  readonly #fromFile: boolean
  running: Running
  /** Of every end that came since the start. */
  readonly ends: Outcome[] = []
  #isSupervised = true

  constructor(drill: SetDrill, name: string, listen: string) {
    this.#drill = drill
    this.name = name
    this.#listen = listen
    // Half of them read the password from the file, the others from the environment.
    this.#fromFile = drill.members.length % 2 === 0
    this.place = new MemberPlace(drill, this.#fromFile)
    this.running = this.#start()
  }

  #start(): Running {
    const running = new Running(this.#drill, this.place, [
      '--global',
      `--listen=${this.#listen}`,
      `--member=${this.name}`,
      ...this.#drill.memberFlags(this.#fromFile),
    ])
    void running.end.then((outcome) => {
      this.ends.push(outcome)
      if (this.#isSupervised && this.running === running) this.#restartLater()
      return undefined
    })
    return running
  }

  #restartLater(): void {
    setTimeout(() => {
      if (this.#isSupervised) this.running = this.#start()
    }, RESTART_MS)
  }

  /** Ends in order, and begins again when its directory was copied. The copy runs elsewhere. */
  async copied(): Promise<Running> {
    this.#isSupervised = false
    this.kill('SIGTERM')
    await this.running.end
    const place = new MemberPlace(this.#drill, this.#fromFile)
    const filter = (path: string): boolean => !lstatSync(path).isSocket()
    await cp(this.place.state, place.state, { recursive: true, filter })
    this.#isSupervised = true
    this.running = this.#start()
    return new Running(this.#drill, place, [
      '--global',
      `--listen=/ip4/127.0.0.1/tcp/${await freePort()}`,
      '--member=copy',
      ...this.#drill.memberFlags(this.#fromFile),
    ])
  }

  retire(): void {
    this.#isSupervised = false
  }

  /** What it says about itself; undefined while it gives no answer. */
  async status(): Promise<StatusAnswer | undefined> {
    return this.running.ask((client) => client.status()).catch(() => undefined)
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.running.process.kill(signal)
  }
}

const RESTART_MS = 500
const READY_MS = 30_000

class MemberPlace extends Place {
  readonly #environment: Readonly<Record<string, string>>

  override readonly program: string

  constructor({ bucket, journal, program, teardown }: SetDrill, fromFile: boolean) {
    super({ teardown })
    this.program = program
    const { password } = journal.secrets
    const variable = fromFile || !password ? {} : { DSTORE_ENGINE_PASSWORD: password }
    this.#environment = { ...bucket.environment, ...variable }
  }

  override env(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    return super.env({ ...this.#environment, ...more })
  }
}

export interface LocalNode {
  readonly name: string
  readonly running: Running
  readonly node: Dstore
}

export class SetDrill implements Owner {
  readonly bucket: Engine
  readonly journal: JournalEngine
  /** Of the set in the engine. */
  readonly set: string
  /** The command line of its members. */
  readonly program: string
  readonly members: Member[] = []
  readonly locals: LocalNode[] = []
  readonly #bucketPlace: string
  readonly #ends: (() => unknown)[] = []
  readonly #keyPlace: Place

  constructor(bucket: Engine, journal: JournalEngine, set: string, program: string = BUNDLE) {
    this.program = program
    this.bucket = bucket
    this.journal = journal
    this.set = set
    this.#bucketPlace = bucket.newPlace()
    this.#keyPlace = new Place(this)
    const { password: _, ...others } = journal.secrets
    for (const [file, secrets] of [
      ['engine.json', journal.secrets],
      ['others.json', others],
    ] as const) {
      writeFileSync(this.#keyPlace.file(file), JSON.stringify(secrets), { mode: 0o600 })
    }
  }

  readonly teardown = (end: () => unknown): void => void this.#ends.push(end)

  memberFlags(fromFile: boolean): string[] {
    return [
      `--engine=${this.journal.url(this.set)}`,
      `--bucket=${this.#bucketPlace}`,
      `--bucket-endpoint=${this.bucket.endpoint}`,
      `--set-key=${this.#keyPlace.file('set.key')}`,
      `--engine-secrets=${this.#keyPlace.file(fromFile ? 'engine.json' : 'others.json')}`,
      '--log-level=info',
    ]
  }

  async start(members: number, locals: number): Promise<void> {
    for (let i = 0; i < members; i++) {
      const member = new Member(this, `m${i + 1}`, `/ip4/127.0.0.1/tcp/${await freePort()}`)
      this.members.push(member)
      await member.running.ready(READY_MS)
    }
    const active = await this.active()
    // The active member knows the others by their notes before it names them in tickets.
    await eventually(READY_MS, async () => {
      const set = (await active.status())?.set
      if (set?.members.length !== members) throw new Error('a member is not known yet')
    })
    for (let i = 0; i < locals; i++) await this.#addLocal(active, `l${i + 1}`)
  }

  async #addLocal(active: Member, name: string): Promise<void> {
    const place = new Place(this)
    const { ticket } = await active.running.ask((client) => client.invite({ role: 'admin' }))
    writeFileSync(place.file('ticket'), ticket)
    const flags = ['--join', `@${place.file('ticket')}`, '--cache=256MiB', '--log-level=info']
    const running = await new Running(this, place, flags).ready(READY_MS)
    const node = await connect({ dir: place.state })
    this.teardown(() => node.close())
    this.locals.push({ name, running, node })
  }

  /** The member that is active now; waits for it. */
  async active(ms: number = 60_000): Promise<Member> {
    return eventually(ms, async () => {
      for (const member of this.members) {
        const status = await member.status()
        if (status?.set?.state === 'active') return member
      }
      throw new Error('no member is active')
    })
  }

  /** Waits until one is active and the others stand by. */
  async whole(ms: number = 60_000): Promise<Member> {
    return eventually(ms, async () => {
      const all = await Promise.all(this.members.map((member) => member.status()))
      const states = all.map((status) => status?.set?.state)
      const active = states.indexOf('active')
      const standbys = states.filter((state) => state === 'standby').length
      if (active === -1 || standbys !== this.members.length - 1) {
        throw new Error(`states: ${states.join()}`)
      }
      return this.members[active]!
    })
  }

  /** Passwords and keys are in no log, no answer and no file of a member. */
  async checkSecrets(): Promise<void> {
    const { password, systemPassword } = this.journal.secrets
    const secrets = [password, systemPassword, this.bucket.environment['AWS_SECRET_ACCESS_KEY']]
    for (const { name, running, place, ends } of this.members) {
      const { stdout, stderr } = await running.run(['set', 'status', '--json'])
      const { config } = stateDirectory(place.state)
      const said = [
        running.stderr,
        running.stdout,
        ...ends.map((end) => `${end.stdout.toString()}${end.stderr}`),
        `${stdout.toString()}${stderr}`,
        JSON.stringify(await running.ask((client) => client.status())),
        await running.metrics(),
        existsSync(config) ? readFileSync(config, 'utf8') : '',
      ]
      for (const secret of secrets) {
        const where = secret === undefined ? -1 : said.findIndex((text) => text.includes(secret))
        assert.equal(where, -1, `${name} tells a secret, in ${where} of what it says`)
      }
    }
  }

  async end(): Promise<void> {
    for (const member of this.members) member.retire()
    // A supervisor may be about to start one.
    await sleep(RESTART_MS)
    for (const end of this.#ends.toReversed()) await end()
  }
}

export interface DrillOptions {
  readonly members?: number
  readonly locals?: number
  /** The command line of its members; default: the bundle. */
  readonly program?: string
}

export async function withSet(
  bucket: Engine,
  journal: JournalEngine,
  set: string,
  run: (drill: SetDrill) => Promise<void>,
  { members = 2, locals = 2, program }: DrillOptions = {},
): Promise<void> {
  const drill = new SetDrill(bucket, journal, set, program)
  underWay.add(drill)
  try {
    await drill.start(members, locals)
    await run(drill)
  } catch (error) {
    for (const { name, running } of drill.members) {
      process.stdout.write(`${name}: ${running.stderr.slice(-LOG_CHARACTERS)}\n`)
    }
    for (const { name, running } of drill.locals) {
      process.stdout.write(`${name}: ${running.stderr.slice(-LOG_CHARACTERS)}\n`)
    }
    throw error
  } finally {
    await drill.end()
    underWay.delete(drill)
  }
}

const underWay = new Set<SetDrill>()

/** Kills the processes of the drills under way: for a signal, which ends what would end them. */
export function killDrills(): void {
  for (const { members, locals } of underWay) {
    for (const member of members) member.retire()
    for (const { running } of [...members, ...locals]) running.process.kill('SIGKILL')
  }
}

const LOG_CHARACTERS = 6000
