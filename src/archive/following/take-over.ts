/** Begins an epoch in the bucket for a node that has no store yet: the other one is fenced. */
import { DstoreError, throwIfCancelled } from '../../errors.ts'
import { Appender } from '../../journal/appender.ts'
import { type JournalEnd, nextEpoch, readEnd } from '../../journal/beginning.ts'
import type { Chain } from '../../journal/chain.ts'
import { decodeEntry } from '../../journal/decode.ts'
import { JournalWriter } from '../../journal/journal-writer.ts'
import { AppendError, type Journal } from '../../journal/journal.ts'
import type { Sleep } from '../interface.ts'

export interface TakeOverParts {
  readonly bucket: Journal
  /** The entries so far; brought to the end, and beyond. */
  readonly chain: Chain
  /** Random bytes. */
  readonly random: (length: number) => Uint8Array
  readonly sleep: Sleep
  readonly elapsed: () => number
  readonly signal?: AbortSignal
  readonly onRead?: (position: number, last: number) => void
}

export interface TakenOver {
  /** The last entry of the other node. */
  readonly position: number
  /** Is it its farewell? */
  readonly saidFarewell: boolean
  /** The digest of that entry. */
  readonly before: Uint8Array
  /** The entry that follows it, which begins the new epoch. */
  readonly begin: Uint8Array
  readonly fencedAt: number
}

/** How often another node may append first. */
const TRIES = 100
/** How long a call may take before it is in doubt. */
const CALL_MS = 30_000

/**
 * Verifies what is there up to the end, then appends `begin` to it; `gone` if the next entry was
 * trimmed meanwhile.
 */
export async function takeOver(parts: TakeOverParts): Promise<TakenOver | 'gone'> {
  const { bucket, chain, elapsed, signal } = parts
  for (let i = 0; i < TRIES; i++) {
    const end = await readEnd(bucket)
    if ((await readOn(parts, end.position)) === 'gone') return 'gone'
    throwIfCancelled(signal)
    const last = await bucket.at(end.position)
    // The other one goes on meanwhile, and trims.
    if (last === undefined || last === 'gone') continue
    const begin = await tryToBegin(parts, end)
    if (begin === undefined) continue
    const saidFarewell = decodeEntry(last).body.kind === 'farewell'
    chain.accept(begin)
    const { position, digest: before } = end
    return { position, before, saidFarewell, begin, fencedAt: elapsed() }
  }
  throw new DstoreError('busy', 'another node appends to the archive all the time', {
    hint: 'stop it, or try again',
  })
}

async function readOn(
  { bucket, chain, signal, onRead }: TakeOverParts,
  last: number,
): Promise<'gone' | 'read'> {
  const reading = new AbortController()
  if (chain.position >= last) return 'read'
  for await (const batch of bucket.follow(chain.position, reading.signal)) {
    if (batch === 'gone') return 'gone'
    for (const entry of batch) chain.accept(entry)
    throwIfCancelled(signal)
    onRead?.(chain.position, Math.max(last, chain.position))
    if (chain.position >= last) reading.abort()
  }
  return 'read'
}

/** The entry that began the epoch; undefined if another one came first. */
async function tryToBegin(
  { bucket, chain, random, sleep }: TakeOverParts,
  end: JournalEnd,
): Promise<Uint8Array | undefined> {
  // What was read may go further than where the journal ended a moment ago.
  if (chain.position !== end.position) return undefined
  let begin: Uint8Array | undefined
  const writer = new JournalWriter({
    journal: bucket,
    appender: new Appender(nextEpoch(end, { newSet: random(16), writer: random(16) })),
    timeoutMs: CALL_MS,
    sleep,
    onAppended: (_, entry) => (begin = entry),
  })
  try {
    await writer.say('begin')
  } catch (error) {
    // Overtaken, or trimmed in doubt: then an epoch of ours may be there, which does no harm.
    if (!(error instanceof AppendError) || error.code !== 'conflict') throw error
  }
  return begin
}
