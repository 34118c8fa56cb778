/**
 * What the simulated API tells: a Global with 1,000 Locals, 1,000,000 names and 200 changes a
 * second. It is a function of the time since its start, so that each run shows the same.
 */
import { createHash } from 'node:crypto'
import type {
  ChangeLine,
  FactsAnswer,
  LevelLine,
  MemberLine,
  NameLine,
  StatusAnswer,
} from '../../src/daemon/api/api.ts'
import type { EventUpdate, Sample } from '../../src/daemon/api/events.ts'
import { Key } from '../../src/hash/key.ts'
import { Glob } from '../../src/index/lists/glob.ts'

const LOCALS = 1000
const NAMES = 1_000_000
export const CHANGES_A_SECOND = 200

/** So many names are on one level, the rest on three. */
const FLAT = 400_000
const SECOND_MS = 1000
const SAMPLES = 600
const TRANSFERS = 100
const REMOVALS = 20
const LABELS_EACH = 50

/** Of the members that a tick tells of. */
const MEMBERS_A_TICK = 50

type Member = NonNullable<EventUpdate['members']>['changed'][number]
type Transfers = NonNullable<EventUpdate['transfers']>['transfers']
type Removal = NonNullable<EventUpdate['removals']>['removals'][number]

const digits = (n: number, width: number): string => String(n).padStart(width, '0')

/** The key of the value with this number. */
export const keyOf = (n: number, kind: 'bytes' | 'directory' = 'bytes'): string =>
  new Key(createHash('sha256').update(String(n)).digest(), kind).toString()

const peerOf = (n: number): string => {
  const hex = createHash('sha256').update(`peer ${n}`).digest('hex')
  return `12D3KooW${hex.slice(0, 44).replaceAll('0', 'z')}`
}

/** Between -1 and 1, as load comes and goes. */
const wave = (at: number, ms: number): number =>
  (Math.sin(at / ms) + Math.sin(at / (ms / 2.7)) + Math.sin(at / (ms / 7.3)) / 2) / 2.5

const LABELS = Array.from({ length: LOCALS }, (_, n) => `machine-${digits(n, 4)}`)
const PEERS = LABELS.map((_, n) => peerOf(n))

/** The name at this place of the order. */
function nameAt(n: number): string {
  if (n < FLAT) return `flat/${digits(n, 6)}`
  const rest = n - FLAT
  const [team, set, item] = [Math.floor(rest / 10_000), Math.floor(rest / 100) % 100, rest % 100]
  return `team-${digits(team, 2)}/set-${digits(set, 2)}/item-${digits(item, 2)}`
}

/** The place of the first name that is not before this text. */
function placeOf(text: string): number {
  let [low, high] = [0, NAMES]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (nameAt(middle) < text) low = middle + 1
    else high = middle
  }
  return low
}

/** Behind all that begins with it: no name has a character above this one. */
const behind = (prefix: string): string => `${prefix}\u{FFFF}`

export interface ListOptions {
  readonly prefix: string
  readonly after?: string | undefined
  readonly delimiter?: string | undefined
  readonly match?: string | undefined
  readonly limit?: number
}

export class SimulatedWorld {
  readonly #begin = Date.now()

  /** Milliseconds since the start. */
  get #age(): number {
    return Date.now() - this.#begin
  }

  get #seq(): number {
    return NAMES + Math.floor((this.#age * CHANGES_A_SECOND) / SECOND_MS)
  }

  status(): StatusAnswer {
    const seq = this.#seq
    const status = {
      role: 'global',
      version: '0.1.0',
      startedAt: new Date(this.#begin - 86_400_000).toISOString(),
      peerId: peerOf(-1),
      listen: ['/ip4/10.0.0.1/tcp/4001'],
      lanePort: 4002,
      position: `a.${seq}`,
      leaseMs: 10_000,
      clock: { trusted: true },
      global: undefined,
      locals: PEERS,
      registered: PEERS.map((peer, n) => ({
        peer,
        connected: n % 50 !== 0,
        seq: seq - this.#behind(n),
      })),
      members: LOCALS,
      refused: undefined,
      store: {
        kind: 'disk',
        durable: true,
        values: NAMES,
        valueBytes: NAMES * 1_000_000,
        quotaBytes: NAMES * 2_000_000,
        headroomBytes: NAMES * 1_000_000,
        damaged: 0,
        unfinishedBytes: 12_345,
        seq,
      },
      names: { moves: seq, expired: 5, replaced: 3 },
      cache: undefined,
      traffic: PEERS.map((peer, n) => ({
        peer,
        valueBytesIn: n * 1000,
        valueBytesOut: this.#served(n),
        lies: 0,
      })),
      daemon: {
        pid: 1,
        directory: 'simulated',
        socket: 'simulated/dstore.sock',
        residentBytes: 123_456_789,
      },
    } satisfies StatusAnswer
    return status
  }

  #behind(n: number): number {
    return n % 7 === 0 ? Math.floor(this.#age / 100) % 30 : 0
  }

  #served(n: number): number {
    return n * 1_000_000 + this.#age * 100
  }

  #member(n: number): Member {
    const state = n % 50 === 0 ? 'away' : n % 51 === 0 ? 'doubtful' : 'connected'
    return {
      peer: PEERS[n]!,
      label: LABELS[n]!,
      role: 'writer',
      state,
      since: new Date(this.#begin - n * 60_000).toISOString(),
      behind: this.#behind(n),
      bytesServed: this.#served(n),
      owes: state === 'away' ? 2 : 0,
    }
  }

  members(): MemberLine[] {
    return LABELS.map((_, n) => {
      const { peer, label = '', role, since, state } = this.#member(n)
      return { peer, label, role, since, state: state === 'doubtful' ? 'connected' : state }
    })
  }

  #sample(at: number): Sample {
    const bytes = wave(at, 47_000)
    const peers = wave(at + 90_000, 61_000)
    const requests = wave(at + 30_000, 83_000)
    return {
      at,
      bytesIn: Math.round(2e7 * (1.2 + peers)),
      bytesOut: Math.round(8e7 * (1.3 + bytes)),
      peerIn: Math.round(1e7 * (1.4 - peers)),
      peerOut: Math.round(5e7 * (1.6 + bytes)),
      ok: 900 + Math.round(300 * requests),
      refused: Math.max(0, Math.round(30 * peers)),
      failed: peers > 0.9 ? 2 : 0,
      hits: 850 + Math.round(40 * bytes),
      misses: 100 - Math.round(60 * requests),
      p50: 0.6 + 0.3 * requests,
      p99: at % 60_000 < 3000 ? null : 6 + 4 * bytes,
    }
  }

  /** The first event: everything. */
  whole(): EventUpdate {
    const now = Math.floor(Date.now() / SECOND_MS) * SECOND_MS
    const samples = Array.from({ length: SAMPLES }, (_, i) =>
      this.#sample(now - (SAMPLES - 1 - i) * SECOND_MS),
    )
    return {
      ...this.#moving(),
      status: this.status(),
      rates: { intervalMs: SECOND_MS, samples },
      members: { changed: LABELS.map((_, n) => this.#member(n)), gone: [], all: true },
    }
  }

  /** A later one, with the samples and the status once a second. */
  tick(isSecond: boolean): EventUpdate {
    const now = Math.floor(Date.now() / SECOND_MS) * SECOND_MS
    const from = Math.floor(this.#age / 250) * MEMBERS_A_TICK
    const changed = Array.from({ length: MEMBERS_A_TICK }, (_, i) =>
      this.#member((from + i) % LOCALS),
    )
    return {
      ...this.#moving(),
      members: { changed, gone: [] },
      ...(isSecond && {
        status: this.status(),
        rates: { intervalMs: SECOND_MS, samples: [this.#sample(now)] },
      }),
    }
  }

  /** The transfers and removals, which are under way all the time. */
  #moving(): Pick<EventUpdate, 'transfers' | 'removals'> {
    return {
      transfers: { active: TRANSFERS * 2, transfers: this.transfers() },
      removals: { removals: Array.from({ length: REMOVALS }, (_, n) => this.#removal(n)) },
    }
  }

  /** Each takes between 10 and 30 seconds; then another takes its place. */
  transfers(): Transfers {
    const age = this.#age
    return Array.from({ length: TRANSFERS }, (_, n) => {
      const ms = 10_000 + (n % 20) * 1000
      const round = Math.floor((age + n * 100) / ms)
      const ran = (age + n * 100) % ms
      const id = round * TRANSFERS + n
      const size = 1_000_000_000
      return {
        id: String(id),
        key: keyOf(id),
        size,
        done: Math.floor((size * ran) / ms),
        rate: Math.floor((size * 1000) / ms),
        startedAt: new Date(Date.now() - ran).toISOString(),
        direction: n % 2 === 0 ? 'in' : 'out',
        peers: Array.from({ length: 4 }, (_, i) => {
          const peer = (n * 7 + i) % LOCALS
          return { peer: PEERS[peer]!, label: LABELS[peer]!, bytes: ran * (i + 1) }
        }),
      }
    })
  }

  /** All but twenty machines acknowledge it within twenty seconds; then it begins again. */
  #removal(n: number): Removal {
    const age = this.#age + n * 1000
    const round = Math.floor(age / 30_000)
    const acknowledged = Math.min(LOCALS - 20, Math.floor(((age % 30_000) / 20_000) * LOCALS))
    return {
      id: String(round * REMOVALS + n),
      key: keyOf(round * REMOVALS + n),
      name: nameAt((round * REMOVALS + n) % NAMES),
      startedAt: new Date(Date.now() - (age % 30_000)).toISOString(),
      acknowledged: LABELS.slice(0, Math.min(acknowledged, LABELS_EACH)),
      owing: LABELS.slice(acknowledged, acknowledged + LABELS_EACH),
      acknowledgedCount: acknowledged,
      owingCount: LOCALS - acknowledged,
      expiredCount: 0,
    }
  }

  /** The changes since this one, at most 1,000, and the number of the last. */
  changesSince(last: number | undefined): { readonly lines: ChangeLine[]; readonly seq: number } {
    const seq = this.#seq
    const first = Math.max(last === undefined ? seq : last + 1, seq - 999)
    const lines = Array.from({ length: Math.max(0, seq - first + 1) }, (_, i) => change(first + i))
    return { lines, seq }
  }

  *names({ prefix, after, delimiter, match, limit = Infinity }: ListOptions): Generator<LevelLine> {
    const glob = match === undefined ? undefined : new Glob(match)
    let at = placeOf(prefix)
    if (after !== undefined) {
      const isCommon = delimiter !== undefined && after.endsWith(delimiter)
      at = Math.max(at, placeOf(isCommon ? behind(after) : `${after}\0`))
    }
    const end = placeOf(behind(prefix))
    for (let count = 0; at < end && count < limit;) {
      const name = nameAt(at)
      const cut = delimiter === undefined ? -1 : name.indexOf(delimiter, prefix.length)
      if (cut !== -1) {
        const common = name.slice(0, cut + 1)
        yield { prefix: common }
        at = placeOf(behind(common))
        count++
        continue
      }
      if (glob?.matches(name) ?? true) {
        yield lineAt(at)
        count++
      }
      at++
    }
  }

  /** `GET /v1/usage`. */
  *usage(prefix: string, delimiter?: string): Generator<object> {
    const total = placeOf(behind(prefix)) - placeOf(prefix)
    if (delimiter !== undefined) {
      for (const line of this.names({ prefix, delimiter })) {
        if (!('prefix' in line)) continue
        const names = placeOf(behind(line.prefix)) - placeOf(line.prefix)
        yield { prefix: line.prefix, names, size: names * 1_000_000 }
      }
    }
    yield { prefix, names: total, size: total * 1_000_000 }
  }

  /** What `GET /v1/names/{name}` and the facts of a value say; undefined for no such name. */
  facts(word: string): (FactsAnswer & { readonly name?: string }) | undefined {
    const at = placeOf(word)
    const isName = at < NAMES && nameAt(at) === word
    if (!isName && !word.startsWith('bafk')) return undefined
    return {
      ...(isName && { name: word }),
      key: isName ? keyOf(at) : word,
      size: 1_000_000,
      incarnation: isName ? at : 1,
      heldBytes: 1_000_000,
      names: isName ? [word] : [],
      holders: PEERS.slice(0, 200),
      confirmed: true,
      heldBy: 0,
    }
  }
}

function lineAt(at: number): NameLine {
  return {
    name: nameAt(at),
    key: keyOf(at),
    kind: at % 10 === 0 ? 'tag' : 'fixed',
    size: 1_000_000 + at,
    boundAt: new Date(1_700_000_000_000 + at).toISOString(),
    ...(at % 3 === 0 && { expiresAt: new Date(1_900_000_000_000 + at).toISOString() }),
  }
}

const TYPES = ['put', 'bind', 'rebind', 'unbind', 'remove'] as const

function change(seq: number): ChangeLine {
  const type = TYPES[seq % TYPES.length]!
  return {
    position: `a.${seq}`,
    seq,
    type,
    key: keyOf(seq),
    names: [nameAt(seq % NAMES)],
    ...(type === 'put' && { size: 1000 + (seq % 100_000) }),
    ...(type === 'rebind' && { previous: keyOf(seq - 1) }),
  }
}
