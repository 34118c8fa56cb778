/**
 * The executable model of the files of a journal (document 009, "Files"): how they are written, and
 * what an opening finds in them. Slow, and everything in memory.
 */
import { hex, unhex } from './directories.ts'
import { bigEndian } from './journal-entries.ts'
import { digest } from './verified-values.ts'

const BLOCK = 4096
const ascii = (text: string): number[] => [...new TextEncoder().encode(text)]
const hash = (bytes: readonly number[]): number[] => [...digest(Uint8Array.from(bytes))]

export interface ModelSegment {
  readonly number: number
  readonly bytes: number
  readonly after: number
  readonly chain: string
  readonly salt: string
  /** Each with its place in the file. */
  readonly records: readonly ModelRecord[]
}

export interface ModelRecord {
  readonly offset: number
  readonly position: number
  /** Hex. */
  readonly entry: string
}

/** A file as `[offset, hex]` of what is not zero. */
export type Blocks = readonly (readonly [offset: number, bytes: string])[]

export interface ModelFile {
  readonly name: string
  readonly bytes: number
  readonly blocks: Blocks
}

export const nameOf = (number: number): string => `${number.toString(16).padStart(16, '0')}.segment`

function headOf({ number, bytes, after, chain, salt }: ModelSegment): number[] {
  const head = [
    ...ascii('dstore-j'),
    ...bigEndian(1, 4),
    ...bigEndian(0, 4),
    ...bigEndian(number, 8),
    ...bigEndian(bytes, 8),
    ...bigEndian(after, 8),
    ...unhex(chain),
    ...unhex(salt),
  ]
  return [...head, ...hash(head)]
}

function recordOf(salt: string, { offset, position, entry }: ModelRecord): number[] {
  const bytes = unhex(entry)
  const head = [
    ...ascii('jent'),
    ...bigEndian(bytes.length, 4),
    ...bigEndian(position, 8),
    ...unhex(salt),
  ]
  const check = hash([...head, ...bigEndian(offset, 8), ...hash(bytes)])
  return [...head, ...check, ...bytes]
}

export function fileOf(segment: ModelSegment): ModelFile {
  const records = segment.records.map(
    (record) => [record.offset, hex(recordOf(segment.salt, record))] as const,
  )
  const blocks: Blocks = [[0, hex(headOf(segment))], ...records]
  return { name: nameOf(segment.number), bytes: segment.bytes, blocks }
}

export function contentOf({ bytes, blocks }: ModelFile): Uint8Array {
  const content = new Uint8Array(bytes)
  for (const [offset, block] of blocks) content.set(unhex(block), offset)
  return content
}

/** What an opening finds: the digests of all entries from `first` on, or that it is damaged. */
export type Found =
  | { readonly first: number; readonly digests: readonly string[] }
  | { readonly refused: 'integrity' }

const REFUSED: Found = { refused: 'integrity' }

export function read(files: readonly ModelFile[]): Found {
  const segments = files.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(readFile)
  const digests: string[] = []
  let first = 1
  for (const [i, segment] of segments.entries()) {
    const before = segments[i - 1]
    if (segment === undefined) return REFUSED
    if (before === undefined) first = segment.after + 1
    else if (segment.number !== before.number + 1) return REFUSED
    const next = segments[i + 1]
    const count = next === undefined ? segment.prefix.length : next.after - segment.after
    if (count < 0 || count > segment.prefix.length) return REFUSED
    const chain = count === 0 ? segment.chain : segment.prefix[count - 1]!
    if (next !== undefined && next.chain !== chain) return REFUSED
    if (next === undefined && segment.others > 0) return REFUSED
    digests.push(...segment.prefix.slice(0, count))
  }
  return { first, digests }
}

interface Read {
  readonly number: number
  readonly after: number
  readonly chain: string
  /** Digests of the entries that follow each other from the first block on. */
  readonly prefix: readonly string[]
  /** How many other records are what was written. */
  readonly others: number
}

/** Looks at every block for a record that is what its writer wrote. */
function readFile(file: ModelFile): Read | undefined {
  const content = [...contentOf(file)]
  const numberAt = (at: number, width: number): number =>
    Number(BigInt(`0x${hex(content.slice(at, at + width))}`))
  const head = content.slice(0, 88)
  if (hex(hash(head)) !== hex(content.slice(88, 120))) return undefined
  const salt = hex(content.slice(72, 88))
  const [number, bytes, after] = [numberAt(16, 8), numberAt(24, 8), numberAt(32, 8)]
  if (nameOf(number) !== file.name || bytes !== content.length) return undefined
  const found = new Map<number, { position: number; end: number; digest: string }>()
  for (let offset = BLOCK; offset < content.length; offset += BLOCK) {
    const length = numberAt(offset + 4, 4)
    const position = numberAt(offset + 8, 8)
    const end = offset + Math.ceil((64 + length) / BLOCK) * BLOCK
    if (length === 0 || end > content.length) continue
    const entry = hex(content.slice(offset + 64, offset + 64 + length))
    const expected = hex(recordOf(salt, { offset, position, entry }))
    if (expected !== hex(content.slice(offset, offset + 64 + length))) continue
    found.set(offset, { position, end, digest: hex(hash(unhex(entry))) })
  }
  const prefix: string[] = []
  let record = found.get(BLOCK)
  while (record?.position === after + prefix.length + 1) {
    prefix.push(record.digest)
    record = found.get(record.end)
  }
  const chain = hex(content.slice(40, 72))
  return { number, after, chain, prefix, others: found.size - prefix.length }
}
