/**
 * The executable model of document 008: the bytes of directories, what is refused, and when a tree
 * is whole. It makes the vectors that the product is tested with.
 *
 * It reads any CBOR that could mean a directory, however it is written, and then asks whether that
 * directory would be written like this: so it can't overlook a second encoding. It is slow, holds
 * everything in memory, and shares nothing with the product.
 */
import { digest, keyOf } from './verified-values.ts'

/** An entry in the words of the format; links are digests in hex digits. */
export type ModelEntry =
  | { readonly src: string; readonly size: number; readonly exec?: true }
  | { readonly tree: string; readonly size: number; readonly files: number }
  | { readonly to: string }

export type ModelDirectory = readonly (readonly [name: string, entry: ModelEntry])[]

export const hex = (bytes: Iterable<number>): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

export const unhex = (text: string): number[] =>
  (text.match(/../g) ?? []).map((two) => Number.parseInt(two, 16))

// CBOR.

/** A data item as it is written. */
export type Bytes = readonly number[]

const utf8 = (text: string): Bytes => [...new TextEncoder().encode(text)]
const bigEndian = (value: bigint, width: number): Bytes =>
  Array.from({ length: width }, (_, i) => Number((value >> BigInt(8 * (width - 1 - i))) & 255n))

/** The head of an item: its major type and its argument, in `width` bytes or the fewest. */
export function head(type: number, argument: number | bigint, width?: number): Bytes {
  const value = BigInt(argument)
  const fewest = value < 24n ? 0 : [1, 2, 4, 8].find((bytes) => value < 1n << BigInt(8 * bytes))!
  const bytes = width ?? fewest
  if (bytes === 0) return [(type << 5) | Number(value)]
  return [(type << 5) | (24 + Math.log2(bytes)), ...bigEndian(value, bytes)]
}

export const uint = (value: number): Bytes => head(0, value)
export const text = (value: string): Bytes => [...head(3, utf8(value).length), ...utf8(value)]
export const bytesItem = (bytes: Bytes): Bytes => [...head(2, bytes.length), ...bytes]
/** A map of items as they come. */
export const map = (...pairs: readonly (readonly [Bytes, Bytes])[]): Bytes => [
  ...head(5, pairs.length),
  ...pairs.flat(2),
]
/** A map in the order of R008-2: by the bytes of its encoded keys. */
const sorted = (...pairs: readonly (readonly [Bytes, Bytes])[]): Bytes =>
  map(...pairs.toSorted(([a], [b]) => (hex(a) < hex(b) ? -1 : 1)))
export const link = (codec: number, hash: string): Bytes => [
  ...head(6, 42),
  ...bytesItem([0, 1, codec, 0x1e, 32, ...unhex(hash)]),
]
export const yes: Bytes = [0xf5]

/** The bytes of a directory (R008-1 to R008-6). */
export function encode(directory: ModelDirectory): Uint8Array {
  const entries = directory.map(([name, entry]) => [text(name), encodeEntry(entry)] as const)
  return Uint8Array.from(map([text('tree'), sorted(...entries)]))
}

function encodeEntry(entry: ModelEntry): Bytes {
  if ('to' in entry) return map([text('to'), text(entry.to)])
  if ('src' in entry) {
    return sorted(
      [text('src'), link(0x55, entry.src)],
      [text('size'), uint(entry.size)],
      ...(entry.exec ? [[text('exec'), yes] as const] : []),
    )
  }
  return sorted(
    [text('tree'), link(0x71, entry.tree)],
    [text('size'), uint(entry.size)],
    [text('files'), uint(entry.files)],
  )
}

type Item =
  | { readonly is: 'uint'; readonly value: bigint }
  | { readonly is: 'text'; readonly value: string }
  | { readonly is: 'bytes'; readonly value: Bytes }
  | { readonly is: 'map'; readonly value: readonly (readonly [Item, Item])[] }
  | { readonly is: 'tag'; readonly value: readonly [bigint, Item] }
  | { readonly is: 'true' }

class NoDirectory extends Error {}

/** Whether these bytes are a directory, and which (R008-7). */
export function decode(bytes: Uint8Array): ModelDirectory | undefined {
  try {
    const [item, end] = read(bytes, 0)
    const directory = directoryOf(item)
    const same = hex(encode(directory)) === hex(bytes)
    return end === bytes.length && same ? directory : undefined
  } catch (error) {
    if (error instanceof NoDirectory) return undefined
    throw error
  }
}

/** An item of a type that a directory may have, in any spelling of known length. */
function read(bytes: Uint8Array, at: number, depth: number = 0): [Item, end: number] {
  const first = bytes[at]
  if (first === undefined || depth > 5) throw new NoDirectory()
  if (first === 0xf5) return [{ is: 'true' }, at + 1]
  const small = first & 31
  const width = small < 24 ? 0 : 2 ** (small - 24)
  const start = at + 1 + width
  if (small > 27 || start > bytes.length) throw new NoDirectory()
  const argument = width === 0 ? BigInt(small) : BigInt(`0x${hex(bytes.subarray(at + 1, start))}`)
  switch (first >> 5) {
    case 0:
      return [{ is: 'uint', value: argument }, start]
    case 2:
    case 3: {
      if (argument > BigInt(bytes.length - start)) throw new NoDirectory()
      const end = start + Number(argument)
      const content = bytes.subarray(start, end)
      if (first >> 5 === 2) return [{ is: 'bytes', value: [...content] }, end]
      return [{ is: 'text', value: textOf(content) }, end]
    }
    case 5: {
      const pairs: [Item, Item][] = []
      let next = start
      for (let i = 0n; i < argument; i++) {
        const [name, middle] = read(bytes, next, depth + 1)
        const [value, end] = read(bytes, middle, depth + 1)
        pairs.push([name, value])
        next = end
      }
      return [{ is: 'map', value: pairs }, next]
    }
    case 6: {
      const [content, end] = read(bytes, start, depth + 1)
      return [{ is: 'tag', value: [argument, content] }, end]
    }
    default:
      throw new NoDirectory()
  }
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new NoDirectory()
  }
}

const LARGEST = 2n ** 53n - 1n

function directoryOf(item: Item): ModelDirectory {
  const { tree } = fieldsOf(item)
  if (tree?.is !== 'map') throw new NoDirectory()
  const directory = tree.value.map(([name, entry]): [string, ModelEntry] => {
    if (name.is !== 'text' || !isName(name.value)) throw new NoDirectory()
    return [name.value, entryOf(entry)]
  })
  const sum = (numbers: readonly number[]): bigint =>
    numbers.reduce((total, next) => total + BigInt(next), 0n)
  const sizes = directory.map(([, entry]) => ('to' in entry ? 0 : entry.size))
  const files = directory.map(([, entry]) => filesIn(entry))
  if (new Set(directory.map(([name]) => name)).size < directory.length) throw new NoDirectory()
  if (sum(sizes) > LARGEST || sum(files) > LARGEST) throw new NoDirectory()
  return directory
}

const filesIn = (entry: ModelEntry): number =>
  'to' in entry ? 0 : 'src' in entry ? 1 : entry.files

/** Fields by name; that there are no others is found when the directory is written again. */
function fieldsOf(item: Item): Record<string, Item | undefined> {
  if (item.is !== 'map') throw new NoDirectory()
  return Object.fromEntries(
    item.value.map(([name, value]) => {
      if (name.is !== 'text') throw new NoDirectory()
      return [name.value, value]
    }),
  )
}

function entryOf(item: Item): ModelEntry {
  const { to, src, size, exec, tree, files } = fieldsOf(item)
  if (to?.is === 'text' && isTarget(to.value)) return { to: to.value }
  if (size?.is !== 'uint' || size.value > LARGEST) throw new NoDirectory()
  const bytes = Number(size.value)
  if (src !== undefined) {
    return { src: linked(src, 0x55), size: bytes, ...(exec?.is === 'true' && { exec: true }) }
  }
  if (files?.is !== 'uint' || files.value > LARGEST || tree === undefined) throw new NoDirectory()
  return { tree: linked(tree, 0x71), size: bytes, files: Number(files.value) }
}

function linked(item: Item, codec: number): string {
  if (item.is !== 'tag' || item.value[0] !== 42n) throw new NoDirectory()
  const [, content] = item.value
  const prefix = [0, 1, codec, 0x1e, 32]
  if (content.is !== 'bytes' || content.value.length !== prefix.length + 32) throw new NoDirectory()
  if (hex(content.value.slice(0, prefix.length)) !== hex(prefix)) throw new NoDirectory()
  return hex(content.value.slice(prefix.length))
}

/** R008-3. */
function isName(name: string): boolean {
  const length = utf8(name).length
  return length >= 1 && length <= 255 && !/[/\0]/.test(name) && name !== '.' && name !== '..'
}

/** R008-6. */
function isTarget(target: string): boolean {
  const length = utf8(target).length
  return length >= 1 && length <= 4095 && !target.includes('\0')
}

// Trees.

/** What a store with these values answers when a directory is made (R008-21 to R008-23). */
export type Outcome =
  | { readonly size: number; readonly files: number; readonly depth: number }
  /** Keys of children that the store does not have, or has not as directories. */
  | { readonly missing: readonly string[] }
  | { readonly refused: 'not-a-directory' | 'wrong-size' }

/** Whatever can be made of what is below the root is made before it. */
export function outcome(values: readonly Uint8Array[], root: string): Outcome {
  const stored = new Map(values.map((value) => [hex(digest(value)), value]))
  return make(stored, root)
}

function make(stored: ReadonlyMap<string, Uint8Array>, hash: string): Outcome {
  const value = stored.get(hash)
  const directory = value && decode(value)
  if (directory === undefined) return { refused: 'not-a-directory' }
  const missing = new Set<string>()
  let isWrong = false
  let [size, files, depth] = [0, 0, 1]
  for (const [, entry] of directory) {
    if ('to' in entry) continue
    size += entry.size
    files += filesIn(entry)
    if ('src' in entry) {
      const file = stored.get(entry.src)
      if (file === undefined) missing.add(keyOf(unhex(entry.src), 0x55))
      else isWrong ||= file.length !== entry.size
      continue
    }
    const below = make(stored, entry.tree)
    if ('depth' in below) {
      isWrong ||= below.size !== entry.size || below.files !== entry.files
      depth = Math.max(depth, 1 + below.depth)
    } else missing.add(keyOf(unhex(entry.tree), 0x71))
  }
  if (missing.size > 0) return { missing: [...missing].toSorted() }
  return isWrong ? { refused: 'wrong-size' } : { size, files, depth }
}
