/** A download from scripted sources. */
import { equal } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import { Key } from '../../../src/hash/key.ts'
import type { ByteRange } from '../../../src/hash/tree/tree.ts'
import { GROUP_BYTES, MIB } from '../../../src/limits.ts'
import { fetchPieces, type FetchRequest } from '../../../src/transfer/fetch.ts'
import type { GroupChecker } from '../../../src/hash/proof/group-check.ts'
import type { VerifiedRun } from '../../../src/transfer/piece-stream.ts'
import { CachedValue } from '../../../src/node/cache/cached-value.ts'
import { Download, type Interest } from '../../../src/node/swarm/download.ts'
import { SegmentPool } from '../../../src/node/cache/segment-pool.ts'
import type { Sources } from '../../../src/node/swarm/peer-sources.ts'
import { lengthOf } from '../../../src/transfer/schedule/parts.ts'
import { pattern } from '../../hash/sizes.ts'
import { seeded } from '../../wire/seeded.ts'
import { TestHost, sample, served, type Sample } from '../../transfer/ends.ts'

export const VALUE: Sample = sample(pattern(40 * GROUP_BYTES + 1))
export const WHOLE: ByteRange = { start: 0, end: VALUE.size }

export type Fetch = (
  ranges: readonly ByteRange[],
  signal: AbortSignal,
  where: Pick<FetchRequest, 'memoryFor' | 'checker'>,
) => AsyncIterable<VerifiedRun>

/** So that a value comes in several pieces. */
const recut = (available: number): number => Math.min(available, 3 * GROUP_BYTES)

/** From an honest holder of everything, or of a part; `cutAfterBytes` breaks the link. */
export function honest(
  options: { cutAfterBytes?: number; of?: Sample; held?: ByteRange } = {},
): Fetch {
  const { of = VALUE, held, ...cut } = options
  return async function* (ranges, signal, where) {
    const { client } = served(new TestHost(of, held), { recut, ...cut })
    const { digest, size } = of
    signal.addEventListener('abort', () => client.channel.abort(signal.reason as Error))
    try {
      yield* fetchPieces(client, { digest, size, ranges, ...where })
    } finally {
      client.channel.abort(new DstoreError('cancelled', 'it is over'))
    }
  }
}

export class Case implements Sources {
  readonly globalMovedAt: number = -Infinity
  readonly self = 'me'
  readonly global = 'G'
  readonly pool: SegmentPool = new SegmentPool()
  readonly value: CachedValue
  readonly download: Download
  readonly asked: { readonly source: string; readonly ranges: readonly ByteRange[] }[] = []
  readonly reported: string[] = []
  ended = 0
  claim: (range: ByteRange) => boolean = () => true
  nowMs = 0
  isTimeReal = true
  readonly #fetch: Readonly<Record<string, Fetch>>

  /** `fetch`: of Global, or of each source by name. */
  constructor(
    fetch: Fetch | Readonly<Record<string, Fetch>>,
    of: Sample = VALUE,
    checker?: GroupChecker,
  ) {
    this.#fetch = typeof fetch === 'function' ? { G: fetch } : fetch
    this.value = new CachedValue(new Key(of.digest), of.size, 1, this.pool)
    const release = this.value.use()
    this.download = new Download({
      value: this.value,
      sources: this,
      checker,
      claim: (range) => this.claim(range),
      onEnd: () => {
        this.ended++
        release()
      },
      now: () => this.nowMs + (this.isTimeReal ? performance.now() : 0),
      random: seeded(1),
    })
  }

  async *fetch(
    source: string,
    request: FetchRequest,
    signal: AbortSignal,
  ): AsyncGenerator<VerifiedRun, void, undefined> {
    const { ranges } = request
    if (ranges.length > 0) this.asked.push({ source, ranges })
    if (source !== 'G') request.onHeld?.([{ start: 0, end: request.size }])
    const { memoryFor, checker } = request
    const where = { ...(memoryFor && { memoryFor }), ...(checker && { checker }) }
    if (ranges.length > 0) yield* this.#fetch[source]!(ranges, signal, where)
  }

  async joinSwarm(): Promise<string[]> {
    return Object.keys(this.#fetch).filter((name) => name !== 'G')
  }

  report(source: string): void {
    this.reported.push(source)
  }

  /** How much of the value was asked of a source, in bytes. */
  askedOf(name: string): number {
    const asked = this.asked.filter(({ source }) => source === name)
    return lengthOf(asked.flatMap(({ ranges }) => [...ranges]))
  }
}

export const begin = (fetch: Fetch): Case => new Case(fetch)

/** Read a range as a caller does. */
export async function read(
  value: CachedValue,
  interest: Interest,
  range: ByteRange,
  of: Sample = VALUE,
): Promise<number[]> {
  const steps: number[] = []
  for (let at = range.start; at < range.end;) {
    const view = value.view({ start: at, end: range.end })
    if (view === undefined) {
      await interest.more()
      continue
    }
    if (!equal(view, of.bytes.subarray(at, at + view.byteLength))) throw new Error('wrong bytes')
    at += view.byteLength
    steps.push(view.byteLength)
  }
  interest.leave()
  return steps
}

/** Large enough that others are looked for. */
export const LARGE: Sample = sample(pattern(24 * MIB + 5))
export const ALL: ByteRange = { start: 0, end: LARGE.size }
