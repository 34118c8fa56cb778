/**
 * Makes the vectors of documents 001, 002 and 003 from the model. `npm run vectors` writes them to
 * specs/vectors.
 */
import { flawOf, pieces, treeOf, type Piece } from './pieces.ts'
import {
  decode,
  digest,
  directoryKey,
  key,
  outboard,
  slice,
  sliceParts,
} from './verified-values.ts'
import type { Flaw, Range } from './verified-values.ts'

const KIB = 1024

/** The input of every vector, as in BLAKE3's own: byte i is i mod 251. */
export const input = (size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => i % 251)

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

// Document 001.

export interface KeyVectors {
  readonly input: string
  readonly keys: readonly {
    readonly size: number
    readonly key: string
    /** What `b3sum` prints. */
    readonly digest: string
    /** Other texts for the same key. */
    readonly spellings: readonly string[]
  }[]
  /** Keys of directories; what a directory is is document 008's. */
  readonly directories: readonly {
    /** The bytes of the directory, in hex digits. */
    readonly bytes: string
    readonly key: string
    /** Other texts for the same key. Hex digits are the key of the bytes. */
    readonly spellings: readonly string[]
  }[]
  /** Texts that are not keys: each is refused with `malformed-key`. */
  readonly refused: readonly { readonly why: string; readonly text: string }[]
}

const KEY_SIZES = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 63, 64, 65, 127, 128, 129, 1023, 1024, 1025],
  [2, 3, 4, 5, 6, 7, 8].flatMap((chunks) => [chunks * KIB, chunks * KIB + 1]),
  [16384, 31744, 102400],
].flat()

export function keyVectors(): KeyVectors {
  const keys = KEY_SIZES.map((size) => {
    const value = input(size)
    const text = key(value)
    const cid = `01551e20${hex(digest(value))}`
    const spellings = [hex(digest(value)).toUpperCase(), ...spellingsOf(text, cid)]
    return { size, key: text, digest: hex(digest(value)), spellings }
  })
  const directories = [Uint8Array.of(0xa1, 0x64, 0x74, 0x72, 0x65, 0x65, 0xa0)].map((bytes) => {
    const text = directoryKey(bytes)
    return {
      bytes: hex(bytes),
      key: text,
      spellings: spellingsOf(text, `01711e20${hex(digest(bytes))}`),
    }
  })
  const { key: good, digest: b3 } = keys[1]!
  const refused = [
    { why: 'empty', text: '' },
    { why: 'CID of version 0', text: 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPbdG' },
    { why: 'CID of version 2', text: `f02551e20${b3}` },
    { why: 'codec dag-pb', text: `f01701e20${b3}` },
    { why: 'codec dag-json', text: `f01a9021e20${b3}` },
    { why: 'codec dag-cbor, hash sha2-256', text: `f01711220${b3}` },
    { why: 'hash sha2-256', text: `f01551220${b3}` },
    { why: 'hash blake2b-256', text: `f0155a0e40220${b3}` },
    { why: 'digest of 31 bytes', text: `f01551e1f${b3.slice(2)}` },
    { why: 'digest of 64 bytes', text: `f01551e40${b3}${b3}` },
    { why: 'digest cut short', text: `f01551e20${b3.slice(2)}` },
    { why: 'a byte behind the digest', text: `f01551e20${b3}00` },
    { why: 'a number not in its shortest form', text: `f8100551e20${b3}` },
    { why: 'only a multibase prefix', text: 'b' },
    { why: '63 hex digits', text: b3.slice(1) },
    { why: '65 hex digits', text: `${b3}0` },
    { why: 'a digit that is none', text: `${b3.slice(1)}g` },
    { why: 'padding where the base has none', text: `${good}======` },
    {
      why: 'bits behind the last byte',
      text: `${good.slice(0, -1)}${good.endsWith('q') ? 'r' : 'z'}`,
    },
    { why: 'white space before', text: ` ${good}` },
    { why: 'a new line behind', text: `${good}\n` },
    { why: 'a character outside the alphabet', text: `${good.slice(0, -1)}1` },
    { why: 'longer than any key', text: `0${'0'.repeat(289)}` },
  ]
  return { input: 'byte i is i mod 251', keys, directories, refused }
}

/** Texts of a key but the one that is printed, and the plain digest. */
function spellingsOf(text: string, cid: string): string[] {
  const bits = cid.replaceAll(/./g, (digit) => parseInt(digit, 16).toString(2).padStart(4, '0'))
  return [`B${text.slice(1).toUpperCase()}`, `f${cid}`, `F${cid.toUpperCase()}`, `0${bits}`]
}

// Document 002.

/** Stands for bytes: their number and their BLAKE3. */
interface Fingerprint {
  readonly bytes: number
  readonly digest: string
}

export interface SliceVector {
  readonly range: readonly [start: number, end: number | 'end']
  readonly encoding: Fingerprint
  /** The bytes that it proves, and whether they prove the length of the value. */
  readonly proves: { readonly start: number; readonly end: number; readonly size: boolean }
  /** For a flip of the lowest bit of the byte at this offset: flaw and position. */
  readonly flips: readonly Attack[]
  /** For a cut of the encoding to this length: flaw and position. */
  readonly cuts: readonly Attack[]
}

type Attack = readonly [where: number, flaw: Flaw, position: number]

export interface ValueVector {
  readonly size: number
  readonly groupBytes: number
  readonly digest: string
  readonly outboard: Fingerprint
  /** The slice of everything. */
  readonly combined: Fingerprint
  readonly slices: readonly SliceVector[]
}

export interface ValueVectors {
  readonly input: string
  readonly values: readonly ValueVector[]
}

/** Groups of one chunk, as in Bao, and those of dstore. */
const VALUE_SIZES: readonly (readonly [groupBytes: number, sizes: readonly number[]])[] = [
  [KIB, [0, 1, 1023, 1024, 1025, 2048, 2049, 3072, 3073, 4097, 5120, 8193, 10_241]],
  [16 * KIB, [0, 1, 1025, 16_383, 16_384, 16_385, 32_768, 32_769, 49_152, 49_153, 65_537, 100_000]],
]

/** All vectors, or those of one group size. */
export function valueVectors(only?: number): ValueVectors {
  const chosen = VALUE_SIZES.filter(([group]) => only === undefined || group === only)
  const values = chosen.flatMap(([group, sizes]) => sizes.map((size) => valueVector(size, group)))
  return { input: 'byte i is i mod 251', values }
}

function valueVector(size: number, group: number): ValueVector {
  const value = input(size)
  return {
    size,
    groupBytes: group,
    digest: hex(digest(value)),
    outboard: fingerprint(outboard(value, group)),
    combined: fingerprint(slice(value, { start: 0, end: size }, group)),
    slices: ranges(size, group).map((range) => sliceVector(value, range, group)),
  }
}

/** Everything; nothing; the first and last byte; across the boundary of groups; beyond the end. */
function ranges(size: number, group: number): Range[] {
  const all: readonly Range[] = [
    { start: 0, end: Infinity },
    { start: 0, end: 0 },
    { start: 0, end: 1 },
    { start: group - 1, end: group + 1 },
    { start: group, end: group },
    { start: Math.floor(size / 2), end: Math.floor((2 * size) / 3) },
    { start: Math.max(0, size - 1), end: size },
    { start: size, end: size + 1 },
    { start: size + 5 * group, end: Infinity },
  ]
  const texts = all.map((range) => `${range.start}-${range.end}`)
  return all.filter((_, i) => texts.indexOf(texts[i]!) === i)
}

function sliceVector(value: Uint8Array, range: Range, group: number): SliceVector {
  const encoding = slice(value, range, group)
  const root = digest(value)
  const outcome = decode(encoding, root, range, group)
  if (!outcome.ok) throw new Error('the model refuses its own slice')
  const { start, bytes } = outcome
  /** Empty if the change is harmless: a wrong length in a slice that proves none. */
  const attacked = (where: number, changed: Uint8Array): Attack[] => {
    const result = decode(changed, root, range, group)
    if (!result.ok) return [[where, result.flaw, result.position]]
    const harmless = where < 8 && result.size === undefined && hex(result.bytes) === hex(bytes)
    if (!harmless) throw new Error(`the model takes a slice changed at ${where}`)
    return []
  }
  const offsets = attackOffsets(sliceParts(value, range, group))
  return {
    range: [range.start, range.end === Infinity ? 'end' : range.end],
    encoding: fingerprint(encoding),
    proves: { start, end: start + bytes.length, size: outcome.size !== undefined },
    flips: offsets.flatMap((at) => {
      const flipped = encoding.map((byte, i) => (i === at ? byte ^ 1 : byte))
      return attacked(at, flipped)
    }),
    cuts: offsets.flatMap((at) => attacked(at, encoding.slice(0, at))),
  }
}

/** The first and the last byte of each part, and of each half of a pair. */
function attackOffsets(parts: readonly Uint8Array[]): number[] {
  const offsets = new Set<number>()
  let at = 0
  for (const [index, { length }] of parts.entries()) {
    const halves = length === 64 && index > 0 ? [31, 32] : []
    const edges = length > 0 ? [0, ...halves, length - 1] : []
    for (const edge of edges) offsets.add(at + edge)
    at += length
  }
  return [...offsets]
}

// Document 003.

export interface PieceVector {
  readonly length: number
  readonly proof: Fingerprint
  readonly data: readonly [start: number, end: number]
}

export interface PiecesVector {
  readonly size: number
  readonly groupBytes: number
  /** `PIECE_BYTES`, or smaller. */
  readonly spanBytes: number
  readonly digest: string
  readonly slices: readonly {
    readonly range: readonly [start: number, end: number]
    readonly pieces: readonly PieceVector[]
    /** For a flip of the lowest bit of the byte at this offset of this piece: flaw and position. */
    readonly flips: readonly (readonly [piece: number, ...Attack])[]
  }[]
}

export interface PiecesVectors {
  readonly input: string
  readonly values: readonly PiecesVector[]
}

/** Spans of four groups of a chunk, with many cases in few bytes, and those of dstore. */
const PIECES_SIZES: readonly (readonly [group: number, span: number, sizes: readonly number[]])[] =
  [
    [KIB, 4 * KIB, [0, 1, 1024, 1025, 4095, 4096, 4097, 8192, 10_241, 16_384, 16_385, 20_000]],
    [16 * KIB, KIB * KIB, [0, 16_385, 1_048_576, 1_048_577, 2_200_000]],
  ]

/** All vectors, or those of one group size. */
export function piecesVectors(only?: number): PiecesVectors {
  const chosen = PIECES_SIZES.filter(([group]) => only === undefined || group === only)
  const values = chosen.flatMap(([group, span, sizes]) =>
    sizes.map((size) => piecesVector(size, group, span)),
  )
  return { input: 'byte i is i mod 251', values }
}

function piecesVector(size: number, group: number, span: number): PiecesVector {
  const value = input(size)
  const tree = treeOf(value, group)
  const all: readonly Range[] = [
    { start: 0, end: size },
    { start: 0, end: 1 },
    { start: span - 1, end: span + 1 },
    { start: Math.floor(size / 3), end: Math.floor((2 * size) / 3) },
    { start: Math.max(0, size - 1), end: size },
  ]
  const inside = all.filter(({ start, end }) => end <= size && (start < end || size === 0))
  const texts = inside.map(({ start, end }) => `${start}-${end}`)
  const different = inside.filter((_, i) => texts.indexOf(texts[i]!) === i)
  const slices = different.map((range) => {
    const made = pieces(value, tree, range, span)
    return {
      range: [range.start, range.end] as const,
      pieces: made.map(({ proof, data }) => ({
        length: proof.length + data.end - data.start,
        proof: fingerprint(proof),
        data: [data.start, data.end] as const,
      })),
      flips: made.flatMap((piece, index) =>
        pieceOffsets(piece, index === 0, group).map((at) => {
          const arrived = made.map(({ proof, data: { start, end } }, i) => {
            const bytes = Uint8Array.from([...proof, ...value.subarray(start, end)])
            if (i === index) bytes[at]! ^= 1
            return { proof: bytes.subarray(0, proof.length), data: bytes.subarray(proof.length) }
          })
          const flaw = flawOf(arrived, tree.cv, range, size, { group, span })
          if (flaw === undefined) throw new Error(`the model takes a piece changed at ${at}`)
          return [index, at, ...flaw] as const
        }),
      ),
    }
  })
  return { size, groupBytes: group, spanBytes: span, digest: hex(tree.cv), slices }
}

/** The first and the last byte of header, pairs and groups. */
function pieceOffsets(
  { proof, data: { start, end } }: Piece,
  isFirst: boolean,
  group: number,
): number[] {
  const pairs = isFirst ? 8 : 0
  const length = proof.length + end - start
  const edges = [0, pairs, pairs + 31, pairs + 32, proof.length, proof.length + group, length]
  const offsets = edges.flatMap((edge) => [edge - 1, edge])
  return [...new Set(offsets)].filter((at) => at >= 0 && at < length).toSorted((a, b) => a - b)
}

function fingerprint(bytes: Uint8Array): Fingerprint {
  return { bytes: bytes.length, digest: hex(digest(bytes)) }
}

/** The text of a file of vectors: JSON with one line per list item, for readable diffs. */
export function vectorFile(vectors: object): string {
  const fields = Object.entries(vectors).map(([name, content]: [string, unknown]) => {
    if (!Array.isArray(content)) return `"${name}": ${JSON.stringify(content)}`
    const items = content.map((item) => JSON.stringify(item))
    return `"${name}": [\n${items.join(',\n')}\n]`
  })
  return `{\n${fields.join(',\n')}\n}\n`
}
