/**
 * The executable model of a journal in a bucket (document 009, "Objects"): how its objects are
 * written, and what a reader finds in them.
 */
import { hex, unhex } from './directories.ts'
import { bigEndian } from './journal-entries.ts'
import { digest } from './verified-values.ts'

const ascii = (text: string): number[] => [...new TextEncoder().encode(text)]
const hash = (bytes: readonly number[]): number[] => [...digest(Uint8Array.from(bytes))]

export const NO_OBJECT: string = '00'.repeat(32)

export interface ModelObject {
  readonly first: number
  /** The check of the object before, in hex. */
  readonly previous: string
  /** Hex. */
  readonly entries: readonly string[]
}

/** An object in a bucket, in hex. */
export interface StoredObject {
  readonly key: string
  readonly bytes: string
}

export const keyOf = (first: number): string => `j/${first.toString(16).padStart(16, '0')}`

/** The bytes with this check, or with their own. */
export function objectOf({ first, previous, entries }: ModelObject): StoredObject {
  const checked = [
    ...bigEndian(first, 8),
    ...bigEndian(entries.length, 4),
    ...unhex(previous),
    ...entries.flatMap((entry) => [...bigEndian(entry.length / 2, 4), ...unhex(entry)]),
  ]
  return { key: keyOf(first), bytes: sealed(checked) }
}

/** What is checked, behind magic, format and its check. */
export const sealed = (checked: readonly number[]): string =>
  hex([...ascii('jobj'), ...bigEndian(1, 4), ...hash(checked), ...checked])

export const checkOf = ({ bytes }: StoredObject): string => bytes.slice(16, 80)

/** What a reader finds: all entries that are not trimmed, or that an object is damaged. */
export type FoundEntries =
  | { readonly first: number; readonly entries: readonly string[] }
  | { readonly refused: 'integrity' | 'incompatible' }

interface Decoded extends ModelObject {
  readonly check: string
}

/** The object under a key; or why it is none. */
export function decode({ key, bytes }: StoredObject): Decoded | 'integrity' | 'incompatible' {
  const content = unhex(bytes)
  const numberAt = (at: number, width: number): number =>
    Number(BigInt(`0x${hex(content.slice(at, at + width))}`))
  if (content.length < 84 || hex(content.slice(0, 4)) !== hex(ascii('jobj'))) return 'integrity'
  if (numberAt(4, 4) !== 1) return 'incompatible'
  const [first, count] = [numberAt(40, 8), numberAt(48, 4)]
  if (keyOf(first) !== key || count === 0 || count > 16_384) return 'integrity'
  const check = hex(content.slice(8, 40))
  if (hex(hash(content.slice(40))) !== check) return 'integrity'
  const entries: string[] = []
  let at = 84
  while (entries.length < count) {
    if (at + 4 > content.length) return 'integrity'
    const length = numberAt(at, 4)
    if (length === 0 || at + 4 + length > content.length) return 'integrity'
    entries.push(hex(content.slice(at + 4, at + 4 + length)))
    at += 4 + length
  }
  if (at !== content.length) return 'integrity'
  return { first, previous: hex(content.slice(52, 84)), entries, check }
}

/** The journal ends with the last object, and goes back as far as each states the one before. */
export function read(objects: readonly StoredObject[]): FoundEntries {
  const entries: string[] = []
  let next: Decoded | undefined
  for (const object of objects.toSorted((a, b) => (a.key < b.key ? 1 : -1))) {
    const decoded = decode(object)
    if (typeof decoded === 'string') return { refused: decoded }
    const isLast = next === undefined
    const isBefore =
      decoded.first + decoded.entries.length === next?.first && decoded.check === next.previous
    if (!isLast && !isBefore) break
    entries.unshift(...decoded.entries)
    next = decoded
  }
  return { first: next?.first ?? 1, entries }
}
