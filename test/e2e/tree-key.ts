/**
 * The key of a tree on disk, by an encoder of its own: plain CBOR by hand and another BLAKE3
 * (specs/008-directories.md, "Format").
 */
import { blake3 } from '@noble/hashes/blake3.js'
import { closeSync, lstatSync, openSync, readSync, readdirSync, readlinkSync } from 'node:fs'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

interface Totals {
  readonly digest: Uint8Array
  readonly size: number
  readonly files: number
  /** Bytes of the directory value and of those below it. */
  readonly directoryBytes: number
}

/** The head of a CBOR item: its major type, and its argument in the shortest form. */
export function head(major: number, value: number): Buffer {
  const type = major << 5
  if (value < 24) return Buffer.from([type | value])
  if (value < 0x100) return Buffer.from([type | 24, value])
  const bytes = Buffer.alloc(value < 0x1_0000 ? 3 : value < 0x1_0000_0000 ? 5 : 9)
  bytes[0] = type | (bytes.length === 3 ? 25 : bytes.length === 5 ? 26 : 27)
  if (bytes.length === 9) bytes.writeBigUInt64BE(BigInt(value), 1)
  else bytes.writeUIntBE(value, 1, bytes.length - 1)
  return bytes
}

export const text = (bytes: Buffer): Buffer => Buffer.concat([head(3, bytes.length), bytes])

const cid = (codec: number, digest: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([1, codec, 0x1e, 32]), digest])

/** Tag 42 with the bytes of a CID behind a zero. */
export const link = (codec: number, digest: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([0xd8, 42]), head(2, 37), Buffer.from([0]), cid(codec, digest)])

/** A map in DRISL's order: shorter keys first, then bytewise. */
export function map(fields: readonly (readonly [name: Buffer, value: Buffer])[]): Buffer {
  const sorted = fields.toSorted(([a], [b]) => a.length - b.length || Buffer.compare(a, b))
  return Buffer.concat([head(5, fields.length), ...sorted.flatMap(([k, v]) => [text(k), v])])
}

export const field = (name: string, value: Buffer): [Buffer, Buffer] => [Buffer.from(name), value]

function hashFile(path: Buffer): Uint8Array {
  const file = openSync(path, 'r')
  try {
    const [state, piece] = [blake3.create(), Buffer.alloc(1 << 20)]
    for (;;) {
      const length = readSync(file, piece)
      if (length === 0) return state.digest()
      state.update(piece.subarray(0, length))
    }
  } finally {
    closeSync(file)
  }
}

function walk(path: Buffer): Totals {
  let [size, files, below] = [0, 0, 0]
  const entries = readdirSync(path, { encoding: 'buffer' }).map((name): [Buffer, Buffer] => {
    const child = Buffer.concat([path, Buffer.from('/'), name])
    const stat = lstatSync(child)
    if (stat.isSymbolicLink()) {
      return [name, map([field('to', text(readlinkSync(child, { encoding: 'buffer' })))])]
    }
    if (stat.isDirectory()) {
      const { digest, directoryBytes, ...all } = walk(child)
      ;[size, files, below] = [size + all.size, files + all.files, below + directoryBytes]
      const counts = [field('size', head(0, all.size)), field('files', head(0, all.files))]
      return [name, map([field('tree', link(0x71, digest)), ...counts])]
    }
    ;[size, files] = [size + stat.size, files + 1]
    const file = [field('src', link(0x55, hashFile(child))), field('size', head(0, stat.size))]
    const isExecutable = (stat.mode & 0o100) !== 0
    return [name, map(isExecutable ? [...file, field('exec', Buffer.from([0xf5]))] : file)]
  })
  const bytes = map([field('tree', map(entries))])
  return { digest: blake3(bytes), size, files, directoryBytes: below + bytes.length }
}

/** The tree's key as `put` prints it, bytes and files in it, and the bytes of its directories. */
export function treeFacts(path: string): Omit<Totals, 'digest'> & { readonly key: string } {
  const { digest, ...totals } = walk(Buffer.from(path))
  return { key: `b${base32(cid(0x71, digest))}`, ...totals }
}

function base32(bytes: Uint8Array): string {
  let [out, bits, count] = ['', 0, 0]
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xfff
    for (count += 8; count >= 5; count -= 5) out += BASE32[(bits >> (count - 5)) & 31]!
  }
  return count === 0 ? out : out + BASE32[(bits << (5 - count)) & 31]!
}
