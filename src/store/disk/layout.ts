/** The one file that knows where things are on the disk (specs/005-storage.md, "Format"). */
import { join } from 'node:path'
import { fromHex, toHex } from '../../bytes.ts'
import type { Location } from '../store.ts'

/** Counted up when what is written can no longer be read by what went before, or the other way round. */
const VERSION = 1

const LAYOUT_NAME = /^store-v(\d+)$/
const LOCATION_BYTES = 10
const VALUE_FILE = /^([0-9a-f]{20})(\.part|\.damaged)?$/
const UNFINISHED_FILE = /^([0-9a-f]{64})\.part$/

/** What a name in the directory of values says. */
export interface ValueFileName {
  readonly location: Location
  /** `part`: it was never sealed. `damaged`: it was set aside. */
  readonly kind: 'value' | 'part' | 'damaged'
}

export class Layout {
  /** The directory that the store was given. */
  readonly parent: string
  readonly root: string
  /** LMDB's directory. */
  readonly records: string
  readonly values: string

  constructor(parent: string) {
    this.parent = parent
    this.root = join(parent, `store-v${VERSION}`)
    this.records = join(this.root, 'records')
    this.values = join(this.root, 'values')
  }

  /** A large value: its bytes, then its outboard. */
  valueFile(location: Location): string {
    return join(this.values, location)
  }

  /** The same value on its way in. */
  partFile(location: Location): string {
    return join(this.values, `${location}.part`)
  }

  /** What was set aside because it is not the value any more. */
  damagedFile(location: Location): string {
    return join(this.values, `${location}.damaged`)
  }

  /** A large value on its way in that can be gone on with after it broke off; `id` in hex. */
  unfinishedFile(id: string): string {
    return join(this.values, `${id}.part`)
  }

  /** LMDB's one file with everything in it. */
  get data(): string {
    return join(this.records, 'data.mdb')
  }

  /** LMDB's table of who has it open. */
  get lock(): string {
    return join(this.records, 'lock.mdb')
  }
}

/** The version of the layout that a directory of this name holds; undefined for any other name. */
export function layoutVersion(name: string): number | undefined {
  const digits = LAYOUT_NAME.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Is a layout of this version ours? */
export function isOurs(version: number): boolean {
  return version === VERSION
}

/** What a file among the values is; undefined for a name that the store does not give. */
export function parseValueFile(name: string): ValueFileName | undefined {
  const match = VALUE_FILE.exec(name)
  if (match === null) return undefined
  const kind = match[2] === '.part' ? 'part' : match[2] === '.damaged' ? 'damaged' : 'value'
  return { location: match[1]!, kind }
}

/** The id, in hex, of the unfinished value in a file of this name; undefined for any other. */
export function parseUnfinishedFile(name: string): string | undefined {
  return UNFINISHED_FILE.exec(name)?.[1]
}

/** The location of the `number`th value staged in the `run`th run of the store. */
export function makeLocation(run: number, number: number): Location {
  return run.toString(16).padStart(8, '0') + number.toString(16).padStart(12, '0')
}

/** A location as a key of LMDB; undefined where the string is none. */
export function locationBytes(location: Location): Uint8Array | undefined {
  const bytes = fromHex(location)
  return bytes?.byteLength === LOCATION_BYTES && toHex(bytes) === location ? bytes : undefined
}
