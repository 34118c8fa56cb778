/** What a journal needs of a service that keeps it for a set (specs/009-journal.md, "Engines"). */
import { DstoreError } from '../../errors.ts'
import type { Extent, Followed } from '../journal.ts'

/**
 * Every rejection is doubt, except an `AppendError`. `EngineJournal` checks arguments, and settles
 * what an engine refuses.
 */
export interface Engine {
  /** In messages. */
  readonly place: string

  /** `refused`: the engine says that its end is elsewhere, or that it can't tell. */
  append(after: number, entry: Uint8Array): Promise<'ok' | 'refused'>

  /** From where appends are decided, and durable: what a majority of the engine's members knows. */
  extent(): Promise<Extent>

  /** The same for one entry: it is durable, trimmed, or was not there when this was asked. */
  at(position: number): Promise<Uint8Array | 'gone' | undefined>

  /** Durable entries after this position, within `JOURNAL_BATCH_BYTES`; none if none is there. */
  read(after: number): Promise<Followed>

  /** Forgets entries up to and including this position, which is before the last. */
  trim(upto: number): Promise<void>

  /** Tells followers elsewhere that the end moved. Never throws; it may be lost. */
  announce(last: number): void

  /** Ends the connections. Calls under way fail. */
  close(): Promise<void>
}

/** Certificates in PEM. */
export interface EngineTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** How long a request may take before its outcome is in doubt, where nothing else is asked for. */
export const ENGINE_REQUEST_MS = 5_000

/** Hears that the end moved. */
export type OnMoved = (last: number) => void

/** The engine, or the way to it, is away. */
export const awayError = (place: string, why: string, cause?: unknown): DstoreError =>
  new DstoreError('unreachable', `${place}: ${why}`, cause === undefined ? {} : { cause })

/** The engine does not promise what a set needs. */
export const unfit = (place: string, why: string, hint: string): DstoreError =>
  new DstoreError('incompatible', `${place}: ${why}`, { hint })
