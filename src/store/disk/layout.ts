/** Names and places of files on the disk (specs/005-storage.md, "Format"). */
import { join } from 'node:path'
import type { Location } from '../store.ts'

/** Incremented when an earlier dstore cannot read what this one writes. */
const VERSION = 3

/** The layouts of which this version takes stores over (R005-64, R005-90), the newest first. */
export const EARLIER_VERSIONS: readonly number[] = [2, 1]

const LAYOUT_NAME = /^store-v(\d+)$/
/** 10 bytes in hex, in the only way that a store writes them. */
const LOCATION = /^[0-9a-f]{20}$/u
const VALUE_FILE = /^([0-9a-f]{20})(\.part|\.damaged|\.outboard|\.outboard\.part)?$/
const PARTIAL_FILE = /^([0-9a-f]{64})\.part$/

/** A parsed file name in the directory of values. */
export interface ValueFileName {
  readonly location: Location
  /** `part`: it was never sealed, or not fetched whole. `damaged`: in quarantine. `outboard`: that of a value. */
  readonly kind: 'value' | 'part' | 'damaged' | 'outboard'
}

export class Layout {
  /** The store's `directory` option. */
  readonly parent: string
  readonly root: string
  /** LMDB's directory. */
  readonly records: string
  readonly values: string
  /** Missing in stores of earlier layouts. */
  readonly journal: string

  constructor(parent: string, version: number = VERSION) {
    this.parent = parent
    this.root = join(parent, `store-v${version}`)
    this.records = join(this.root, 'records')
    this.values = join(this.root, 'values')
    this.journal = join(this.root, 'journal')
  }

  /** A sealed value; in one of layout 1 its outboard follows, until that is moved. */
  valueFile(location: Location): string {
    return join(this.values, location)
  }

  /** The outboard of a value, if it is too large for the records. */
  outboardFile(location: Location): string {
    return join(this.values, `${location}.outboard`)
  }

  /** A file in quarantine. */
  damagedFile(location: Location): string {
    return join(this.values, `${location}.damaged`)
  }

  /** A value being written: named by its location, or by its id in hex if it can be resumed. */
  partialFile(name: string): string {
    return join(this.values, `${name}.part`)
  }

  /** An outboard that is being fetched from an archive. */
  partialOutboardFile(location: Location): string {
    return join(this.values, `${location}.outboard.part`)
  }

  /** LMDB's data file. */
  get data(): string {
    return join(this.records, 'data.mdb')
  }

  /** LMDB's table of readers. */
  get lock(): string {
    return join(this.records, 'lock.mdb')
  }
}

/** Does a directory of this name hold a layout that this version of dstore cannot read? */
export function isForeign(name: string): boolean {
  const digits = LAYOUT_NAME.exec(name)?.[1]
  return digits !== undefined && ![VERSION, ...EARLIER_VERSIONS].includes(Number(digits))
}

/**
 * Parses a file name in the directory of values; undefined if the store does not use such names.
 */
export function parseValueFile(name: string): ValueFileName | undefined {
  const match = VALUE_FILE.exec(name)
  if (match === null) return undefined
  const suffix = match[2]?.slice(1) ?? 'value'
  const kind = suffix.endsWith('part') ? 'part' : (suffix as ValueFileName['kind'])
  return { location: match[1]!, kind }
}

/** The id, in hex, of the partial upload in a file of this name; undefined for other names. */
export function parsePartialFile(name: string): string | undefined {
  return PARTIAL_FILE.exec(name)?.[1]
}

/** The location of the `number`th value staged in the `run`th run of the store. */
export function makeLocation(run: number, number: number): Location {
  return run.toString(16).padStart(8, '0') + number.toString(16).padStart(12, '0')
}

/** A location as a key of LMDB; undefined if the string is not a location. */
export function locationBytes(location: Location): Uint8Array | undefined {
  return LOCATION.test(location) ? Buffer.from(location, 'hex') : undefined
}
