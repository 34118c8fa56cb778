/** Real daemons under attack, with their logs and memory, and a client that works meanwhile. */
import type { ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { Place } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { Peer } from './peer.ts'
import { answerTo } from '../daemon/serving.ts'
import type { Answer } from '../daemon/serving.ts'

const LEASH = new URL('../e2e/leash.js', import.meta.url).href

/** How much a node may grow under attack: its cache, data in flight, and uncollected garbage. */
const GROWTH_BYTES = 64 * 2 ** 20 + 64 * 2 ** 20 + 128 * 2 ** 20

/** The cache of every daemon here. */
const CACHE = '64MiB'

/** How long the client rests between two values, so that it costs little, in milliseconds. */
const REST_MS = 20

/** What is cleaned up after one test, or after all tests of a file. */
export interface Scope {
  teardown(end: () => unknown): void
}

/** What the tests of one file share: started before the first of them, ended after the last. */
export class Shared implements Scope {
  readonly #ends: (() => unknown)[] = []

  teardown(end: () => unknown): void {
    this.#ends.unshift(end)
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0)) await end()
  }
}

export class Target {
  readonly place: Place
  readonly process: ChildProcess
  /** Where peers reach it, with its peer id; empty where it does not listen. */
  address: string = ''
  /** Lines of its log, as far as they have arrived. */
  readonly logged: readonly string[]
  readonly #socket: string

  private constructor(place: Place, process: ChildProcess, logged: string[]) {
    this.place = place
    this.process = process
    this.logged = logged
    this.#socket = place.file('state/dstore.sock')
  }

  static global(t: Scope): Promise<Target> {
    return Target.start(new Place(t), t, ['--global'])
  }

  /** A Local that an invitation has made a member. */
  static async local(
    t: Scope,
    global: Target,
    role: Role = 'writer',
    args: readonly string[] = [],
  ): Promise<Target> {
    const place = new Place(t)
    writeFileSync(place.file('ticket'), await global.invite({ role }), { mode: 0o600 })
    return Target.start(place, t, ['--join', `@${place.file('ticket')}`, ...args])
  }

  /** A daemon with these flags, once it serves. */
  static async start(place: Place, t: Scope, args: readonly string[]): Promise<Target> {
    const child = place.start(['daemon', '--cache', CACHE, ...args], {
      env: { NODE_OPTIONS: `--import ${LEASH}` },
    })
    t.teardown(() => child.kill('SIGKILL'))
    const logged: string[] = []
    createInterface({ input: child.stderr! }).on('line', (line) => logged.push(line))
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    const { value } = (await lines.next()) as { value: string | undefined }
    if (value === undefined) throw new Error(`the daemon ended: ${logged.join('\n')}`)
    const target = new Target(place, child, logged)
    target.address = (await target.status()).listen[0] ?? ''
    return target
  }

  get alive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  call(method: string, path: string, body?: Uint8Array | string): Promise<Answer> {
    const socketPath = this.#socket
    const sent = request({ socketPath, method, path, headers: { host: 'localhost' } })
    const answer = answerTo(sent)
    sent.end(body)
    return answer
  }

  async put(bytes: Uint8Array): Promise<string> {
    const { status, body } = await this.call('POST', '/v1/values', bytes)
    if (status >= 300) throw new Error(body.toString())
    return (JSON.parse(body.toString()) as { key: string }).key
  }

  async status(): Promise<Status> {
    const { body } = await this.call('GET', '/v1/status')
    return JSON.parse(body.toString()) as Status
  }

  /** A ticket. */
  async invite(terms: { role?: Role; uses?: number; validMs?: number } = {}): Promise<string> {
    const { status, body } = await this.call('POST', '/v1/invitations', JSON.stringify(terms))
    if (status !== 201) throw new Error(body.toString())
    return (JSON.parse(body.toString()) as { ticket: string }).ticket
  }

  /** Let this peer be a member. */
  async admit(peer: string, role: Role = 'writer'): Promise<void> {
    const { status, body } = await this.call('PUT', `/v1/members/${peer}`, JSON.stringify({ role }))
    if (status !== 200) throw new Error(body.toString())
  }

  /** A hostile member, with a session at this Global. */
  async member(t: Scope, role?: Role, options?: { readonly listen?: boolean }): Promise<Peer> {
    const peer = await Peer.create(t, options)
    await this.admit(peer.id, role)
    // A handshake has seconds, which a busy machine may exceed.
    for (let attempt = 1; ; attempt++) {
      try {
        await peer.join(t, this.address)
        return peer
      } catch (error) {
        if (attempt === 5) throw error
      }
    }
  }

  /** How many values it stores. */
  async values(): Promise<number> {
    return (await this.status()).store!.values
  }

  /** How many of its values do not match their keys. */
  async damaged(): Promise<number> {
    const { body } = await this.call('POST', '/v1/verify')
    const last = body.toString().trim().split('\n').at(-1)!
    return (JSON.parse(last) as { damaged: number }).damaged
  }

  /** Lines of the log that hold all of these words, as far as they have arrived. */
  lines(...words: readonly string[]): string[] {
    return this.logged.filter((line) => words.every((word) => line.includes(word)))
  }

  /** The same, once there is one. */
  async told(...words: readonly string[]): Promise<string[]> {
    await eventually(() => this.lines(...words).length > 0)
    return this.lines(...words)
  }
}

export type Role = 'reader' | 'writer' | 'admin'

interface Status {
  readonly peerId: string
  readonly listen: readonly string[]
  readonly refused?: Readonly<Record<string, number>>
  readonly global?: { readonly state: string }
  readonly store?: { readonly values: number }
  readonly traffic: readonly { readonly peer: string; readonly lies: number }[]
  readonly daemon: { readonly residentBytes: number }
}

export interface Watched {
  /** How many values the client stored and fetched, and what failed. */
  readonly done: number
  readonly failed: readonly string[]
  /** Resident memory of the target in bytes, before and at most. */
  readonly residentBefore: number
  readonly residentMost: number
}

/**
 * Runs an attack while a client of a healthy Local stores values at Global and fetches them back.
 * Watches the target's memory meanwhile.
 */
export async function during(
  target: Target,
  healthy: Target,
  attack: () => Promise<unknown>,
): Promise<Watched> {
  const residentBefore = (await target.status()).daemon.residentBytes
  let residentMost = residentBefore
  const over = new AbortController()
  const settled = attack().finally(() => over.abort())
  settled.catch(ignore)
  const watcher = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const { residentBytes } = (await target.status()).daemon
      residentMost = Math.max(residentMost, residentBytes)
      await sleep(50)
    }
  }
  const [work] = await Promise.all([client(healthy, over.signal), watcher()])
  await settled
  return { ...work, residentBefore, residentMost }
}

/** Stores values of any size and fetches them back until it is over, and once at least. */
async function client(
  healthy: Target,
  over: AbortSignal,
): Promise<Pick<Watched, 'done' | 'failed'>> {
  const failed: string[] = []
  let done = 0
  do {
    const sent = randomBytes(1 + Math.floor(Math.random() * 60_000))
    try {
      const key = await healthy.put(sent)
      await healthy.call('POST', `/v1/values/${key}/evict`)
      const { status, body } = await healthy.call('GET', `/v1/values/${key}`)
      if (status === 200 && body.equals(sent)) done++
      else failed.push(`${status}: ${body.subarray(0, 200).toString()}`)
    } catch (error) {
      failed.push(String(error))
    }
    await sleep(REST_MS)
  } while (!over.aborted)
  return { done, failed }
}

function ignore(): void {
  // The caller awaits the attack itself.
}

export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** For the log of the tests. */
function summary({ done, residentBefore, residentMost }: Watched): string {
  const grown = Math.round((residentMost - residentBefore) / 2 ** 20)
  return `${done} values passed meanwhile; memory grew by ${grown} MiB`
}

/** The work of others went on, and the target's memory stayed within its bounds. */
export function assertUnharmed(t: ExecutionContext, target: Target, watched: Watched): void {
  t.deepEqual(watched.failed, [])
  t.true(watched.done > 0)
  const { residentBefore, residentMost } = watched
  t.true(residentMost < residentBefore + GROWTH_BYTES, summary(watched))
  t.true(target.alive)
  t.deepEqual(target.lines(' error '), [])
  t.log(summary(watched))
}
