/** The pins in a state directory, as text. */
import { DstoreError } from '../../errors.ts'
import { LEAST_RATE_BYTES, PINS } from '../../limits.ts'

/** A pin that outlives its node. */
export interface SavedPin {
  readonly word: string
  /** Of a word that begins with a key: the seq of the put that made the key exist. */
  readonly incarnation?: number
  /** Bytes per second. */
  readonly maxRate?: number
}

const VERSION = 1

export const encodePins = (pins: readonly SavedPin[]): string =>
  `${JSON.stringify({ version: VERSION, pins }, undefined, 2)}\n`

/** Throws `unreadable` for anything that `encodePins` does not write. */
export function decodePins(text: string): SavedPin[] {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (cause) {
    throw new DstoreError('unreadable', 'not JSON', { cause })
  }
  const { version, pins } = (document ?? {}) as { version?: unknown; pins?: unknown }
  if (version !== VERSION) throw new DstoreError('unreadable', `not of version ${VERSION}`)
  if (!Array.isArray(pins) || pins.length > PINS || !pins.every(isPin)) {
    throw new DstoreError('unreadable', 'not a list of pins')
  }
  return pins.map(({ word, incarnation, maxRate }) => ({
    word,
    ...(incarnation !== undefined && { incarnation }),
    ...(maxRate !== undefined && { maxRate }),
  }))
}

function isPin(value: unknown): value is SavedPin {
  const { word, incarnation, maxRate } = (value ?? {}) as Record<string, unknown>
  const isRate = maxRate === undefined || (isCount(maxRate) && maxRate >= LEAST_RATE_BYTES)
  return typeof word === 'string' && (incarnation === undefined || isCount(incarnation)) && isRate
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0
