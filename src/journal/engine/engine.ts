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

/** How full a part of an engine is that takes nothing more beyond its limit. */
export interface EngineRoom {
  readonly what: string
  readonly usedBytes: number
  readonly mostBytes: number
}

/** Hears that the end moved. */
export type OnMoved = (last: number) => void

/** The engine, or the way to it, is away. */
export const awayError = (place: string, why: string, cause?: unknown): DstoreError =>
  new DstoreError('unreachable', `${place}: ${why}`, cause === undefined ? {} : { cause })

/** The engine lacks the journal that its caller has used before. */
export const missingJournal = (place: string, what: string): DstoreError =>
  new DstoreError('integrity', `${place}: there is no journal of this set: ${what} is missing`, {
    hint: 'the engine has lost it, or another one is named: restore it before any member starts; or the bucket has the archive of a single Global, which needs a place of its own: see docs/set.md',
  })

/** Of Node: the server proved to be another than the one that was meant, or is not trusted. */
const CERTIFICATE = /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

/** No connection to a server; `plain` matches what its client says of one without TLS. */
export function connectionFault(place: string, error: unknown, plain: RegExp): DstoreError {
  const { code, message } = error as { readonly code?: unknown; readonly message: string }
  if (typeof code === 'string' && CERTIFICATE.test(code)) {
    return new DstoreError('impostor', `${place}: its certificate is not trusted: ${code}`, {
      cause: error,
      hint: 'name the certificate of its authority as `ca` in the file of --engine-secrets',
    })
  }
  if (!plain.test(message)) {
    return new DstoreError('unreachable', `${place}: ${message}`, {
      cause: error,
      hint: 'look whether the servers of the engine are up, and whether --engine is right',
    })
  }
  const hint = 'give the servers a certificate, or state a URL, and secrets, without TLS'
  return unfit(place, 'the server does not speak TLS', hint)
}

/** The engine does not promise what a set needs. */
export const unfit = (place: string, why: string, hint: string): DstoreError =>
  new DstoreError('incompatible', `${place}: ${why}`, { hint })
