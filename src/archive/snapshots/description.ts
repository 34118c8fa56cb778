/** What a snapshot is, as its description in the bucket says (specs/011-archive.md, "Format"). */
import { fromHex, toHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { ARCHIVE_DESCRIPTION_BYTES } from '../../limits.ts'
import type { ChainPosition } from '../../journal/chain.ts'

/** The records of a store as of a position of its journal; `digest` is that of the entry there. */
export interface Snapshot extends ChainPosition {
  /** Of the copy of the records. */
  readonly size: number
  /** BLAKE3 of the copy. */
  readonly content: Uint8Array
  /** Milliseconds since 1970, by the clock of the node that took it. */
  readonly takenAt: number
  /** The member of a set that took it; missing in an archive. */
  readonly by?: string
}

export const SNAPSHOT_PREFIX = 's/'
const FORMAT = 1
const DIGEST_BYTES = 32
/** Digits of the content in a key: copies of one position that differ are different objects. */
const CONTENT_DIGITS = 16
const MEMBER = /^[0-9a-f]{16}$/

const NAME = /^s\/([0-9a-f]{16})(?:\.json|-([0-9a-f]{16}))$/

export const descriptionKey = (position: number): string => `${prefixOf(position)}.json`

export function recordsKey({ position, content }: Pick<Snapshot, 'position' | 'content'>): string {
  return `${prefixOf(position)}-${toHex(content).slice(0, CONTENT_DIGITS)}`
}

const prefixOf = (position: number): string =>
  `${SNAPSHOT_PREFIX}${position.toString(16).padStart(16, '0')}`

/** The position that a key names, and of what; undefined if it is none of a snapshot. */
export function partOf(
  key: string,
): { readonly position: number; readonly kind: 'description' | 'records' } | undefined {
  const match = NAME.exec(key)
  if (match === null) return undefined
  const position = Number.parseInt(match[1]!, 16)
  if (!Number.isSafeInteger(position)) return undefined
  return { position, kind: match[2] === undefined ? 'description' : 'records' }
}

export function encodeDescription(snapshot: Snapshot): Uint8Array {
  const { position, digest, size, content, takenAt, by } = snapshot
  const facts = {
    format: FORMAT,
    position,
    chain: toHex(digest),
    size,
    content: toHex(content),
    taken: new Date(takenAt).toISOString(),
    ...(by !== undefined && { by }),
  }
  return new TextEncoder().encode(`${JSON.stringify(facts)}\n`)
}

/** The description under the key of this position. Throws `integrity`, or `incompatible`. */
export function decodeDescription(position: number, bytes: Uint8Array): Snapshot {
  const key = descriptionKey(position)
  const fault = (why: string): DstoreError =>
    new DstoreError('integrity', `${key} describes no snapshot: ${why}`)
  if (bytes.byteLength > ARCHIVE_DESCRIPTION_BYTES) throw fault('it is too long')
  const facts = parsed(bytes)
  if (facts === undefined) throw fault('it is no object in JSON')
  if (facts['format'] !== FORMAT) {
    if (!Number.isSafeInteger(facts['format'])) throw fault('it has no format')
    const message = `${key} has format ${String(facts['format'])}, and this version reads ${FORMAT}`
    throw new DstoreError('incompatible', message, { hint: 'use a later version of dstore' })
  }
  if (facts['position'] !== position) throw fault('it has another position')
  const { size } = facts
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size <= 0) {
    throw fault('it has no size')
  }
  const digest = digestOf(facts['chain'])
  const content = digestOf(facts['content'])
  if (digest === undefined || content === undefined) throw fault('it has no digests')
  const takenAt = typeof facts['taken'] === 'string' ? Date.parse(facts['taken']) : Number.NaN
  if (Number.isNaN(takenAt)) throw fault('it has no time')
  const { by } = facts
  const isMember = typeof by === 'string' && MEMBER.test(by)
  return { position, digest, size, content, takenAt, ...(isMember && { by }) }
}

function parsed(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const facts: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    const isObject = typeof facts === 'object' && facts !== null && !Array.isArray(facts)
    return isObject ? (facts as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function digestOf(hex: unknown): Uint8Array | undefined {
  const bytes = typeof hex === 'string' ? fromHex(hex) : undefined
  return bytes?.byteLength === DIGEST_BYTES ? bytes : undefined
}
