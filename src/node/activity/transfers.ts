/**
 * The transfers between this node and its peers that are in progress. Those who move bytes report
 * here, and offer a way to end them; those who watch ask.
 */
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import { LISTED_TRANSFERS, SAMPLE_MS, TRANSFER_PEERS } from '../../limits.ts'
import { SharedTransfer } from './shared-transfer.ts'
import type { Beginning, Transfer } from './transfer.ts'
import type { TransferList, TransferPeer, TransferReport } from './node-activity.ts'

/** The callers of a cancelled transfer get this. It is not tried again. */
export class TransferCancelled extends DstoreError {
  constructor() {
    super('cancelled', 'an admin cancelled the transfer')
  }
}

export interface TransfersOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wall: () => number
  /** What people call a peer, if that is known. */
  readonly labelOf?: (peer: string) => string | undefined
}

/** How far a transfer was, and when. */
interface Mark {
  readonly at: number
  readonly done: number
}

class Entry implements Transfer {
  readonly beginning: Beginning
  readonly startedAt: number
  readonly peers = new Map<string, number>()
  done = 0
  /** The rate is that since the older mark. */
  #older: Mark
  #newer: Mark
  readonly #end: () => void

  constructor(beginning: Beginning, now: number, startedAt: number, end: () => void) {
    this.beginning = beginning
    this.startedAt = startedAt
    this.#older = this.#newer = { at: now, done: 0 }
    this.#end = end
  }

  moved(peer: string, bytes: number): void {
    this.done += bytes
    this.peers.set(peer, (this.peers.get(peer) ?? 0) + bytes)
  }

  end(): void {
    this.#end()
  }

  /** Bytes per second in the last second or two, where it is asked for each second. */
  rate(now: number): number {
    const { done } = this
    if (now - this.#newer.at >= SAMPLE_MS) {
      this.#older = this.#newer
      this.#newer = { at: now, done }
    }
    const ms = now - this.#older.at
    return ms <= 0 ? 0 : Math.round(((done - this.#older.done) / ms) * 1000)
  }
}

export class Transfers {
  readonly #options: TransfersOptions
  readonly #entries = new Map<number, Entry>()
  /** Fetches in steps, by key. */
  readonly #stepwise = new Map<string, SharedTransfer>()
  #last = 0

  constructor(options: TransfersOptions) {
    this.#options = options
  }

  get active(): number {
    return this.#entries.size
  }

  begin(beginning: Beginning): Transfer {
    const { direction, key, cancel } = beginning
    const whole = direction === 'in' && key && this.#stepwise.get(key.toString())
    return whole ? whole.join(cancel) : this.#list(beginning)
  }

  /**
   * A fetch of a value in steps, with waits between them: what comes of that value meanwhile is a
   * part of this one entry.
   */
  beginStepwise(key: Key, size: number, cancel: Beginning['cancel']): Transfer {
    const id = key.toString()
    const known = this.#stepwise.get(id)
    if (known !== undefined) return known.join(cancel)
    const onIdle = (): void => {
      this.#stepwise.delete(id)
      whole.end()
    }
    const facts = { direction: 'in', key, size } as const
    const whole = new SharedTransfer((one) => this.#list(one), facts, onIdle)
    this.#stepwise.set(id, whole)
    return whole.join(cancel)
  }

  #list(beginning: Beginning): Transfer {
    const id = ++this.#last
    const { now, wall } = this.#options
    const entry = new Entry(beginning, now(), wall(), () => this.#entries.delete(id))
    this.#entries.set(id, entry)
    return entry
  }

  /** Those that began first. */
  list(): TransferList {
    const transfers: TransferReport[] = []
    for (const [id, entry] of this.#entries) {
      if (transfers.length === LISTED_TRANSFERS) break
      transfers.push(this.#reportOf(String(id), entry))
    }
    return { active: this.active, transfers }
  }

  /** False if there is no such transfer. */
  cancel(id: string): boolean {
    const entry = /^[1-9]\d{0,15}$/.test(id) ? this.#entries.get(Number(id)) : undefined
    entry?.beginning.cancel(new TransferCancelled())
    return entry !== undefined
  }

  #reportOf(id: string, entry: Entry): TransferReport {
    const { direction, key, name, size } = entry.beginning
    return {
      id,
      key: key?.toString() ?? '',
      ...(name !== undefined && { name }),
      ...(size !== undefined && { size }),
      done: entry.done,
      rate: entry.rate(this.#options.now()),
      startedAt: new Date(entry.startedAt).toISOString(),
      direction,
      peers: this.#peersOf(entry),
    }
  }

  #peersOf({ peers }: Entry): TransferPeer[] {
    const { labelOf } = this.#options
    return [...peers]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, TRANSFER_PEERS)
      .map(([peer, bytes]) => {
        const label = labelOf?.(peer)
        return { peer, ...(label !== undefined && { label }), bytes }
      })
  }
}
