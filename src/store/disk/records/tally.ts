/** The row of LMDB that says as of when its records are. */

/** Counters of the store. `run` changes at every opening, the rest with every commit. */
export interface Tally {
  readonly run: number
  readonly lastSeq: number
  /** Version of the last write to `meta`. */
  readonly revision: number
  readonly values: number
  readonly valueBytes: number
  /** Entries of the log up to this seq are gone, even if the table still has some of them. */
  readonly trimmed: number
  /** Of the last entry of the journal that is here, and its digest in hex; 0 before the first. */
  readonly position: number
  readonly chain: string
}

/** The key of the row. */
export const TALLY: Buffer = Buffer.from('state')

const EMPTY: Tally = {
  run: 0,
  lastSeq: 0,
  revision: 0,
  values: 0,
  valueBytes: 0,
  trimmed: 0,
  position: 0,
  chain: '00'.repeat(32),
}

export const encodeTally = (tally: Tally): Buffer => Buffer.from(JSON.stringify(tally))

/** A new store has none, and one of an earlier layout lacks the position. */
export function decodeTally(bytes: Uint8Array | undefined): Tally {
  if (bytes === undefined) return EMPTY
  return { ...EMPTY, ...(JSON.parse(Buffer.from(bytes).toString()) as Tally) }
}
