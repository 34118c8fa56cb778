/**
 * Reads the entries of a tar file from an untrusted source, each when it is asked for, so that
 * damage costs no entry before it. After a damaged header, continues at the next one, as tar does.
 */
import { DstoreError } from '../../src/errors.ts'
import { KIB, MIB } from '../../src/limits.ts'
import {
  BLOCK_BYTES,
  isZero,
  paddingOf,
  parseHeader,
  parseLongLink,
  parseLongName,
  parsePax,
  resemblesHeader,
  type Overrides,
  type TarHeader,
} from './tar-header.ts'
import { TarInput } from './tar-input.ts'

export type EntryType = 'file' | 'directory' | 'sparse file' | 'part of a file' | BodylessType
type BodylessType = 'hard link' | 'symlink' | 'character device' | 'block device' | 'named pipe'

export interface TarEntry {
  /** Bytes that are not UTF-8 stand as halves of surrogate pairs. */
  readonly path: string
  readonly type: EntryType
  /** In bytes, as the header claims; `bytes` yields exactly that many, or fails. */
  readonly size: number
  /** Permissions: the lowest nine bits. */
  readonly mode: number
  /** What a symbolic or hard link points to; empty for anything else. */
  readonly link: string
  /** Read them before the next entry: that skips the rest. */
  readonly bytes: AsyncIterable<Uint8Array>
}

/** Entries without contents, whatever size their header claims. */
const BODYLESS: ReadonlyMap<string, BodylessType | 'directory' | 'label'> = new Map([
  ['1', 'hard link'],
  ['2', 'symlink'],
  ['3', 'character device'],
  ['4', 'block device'],
  ['5', 'directory'],
  ['6', 'named pipe'],
  ['V', 'label'],
])

/** Entries that describe the next one or, if `g`, all that follow. */
const DESCRIPTIONS: ReadonlyMap<string, (bytes: Uint8Array) => Overrides | undefined> = new Map([
  ['x', parsePax],
  ['X', parsePax],
  ['g', parsePax],
  ['L', parseLongName],
  ['K', parseLongLink],
])

/** The largest of them that is read: paths and attributes are far smaller. */
const DESCRIPTION_BYTES = MIB

const PADDING_READ_BYTES = 64 * KIB

/**
 * The entries in their order. Fails at the end if the archive is damaged or truncated, and at once
 * if it is no tar file; also with the fault of its source, and with the reason of the signal.
 */
export async function* readTar(
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<TarEntry, void, undefined> {
  const reader = new EntryReader(archive, signal)
  try {
    yield* reader.entries()
  } catch (error) {
    if (!reader.isReported) throw reader.asFault(error)
  } finally {
    reader.close()
  }
  const damage = reader.damage()
  if (damage !== undefined) throw damage
}

class EntryReader {
  readonly #input: TarInput
  readonly #signal: AbortSignal
  readonly #damages: string[] = []
  readonly #always: Overrides = {}
  #next: Overrides = {}
  /** The reader of an entry has received the fault that ends the archive. */
  isReported = false

  constructor(archive: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    this.#input = new TarInput(archive, signal)
    this.#signal = signal
  }

  async *entries(): AsyncGenerator<TarEntry, void, undefined> {
    /** Consecutive ones: two end the archive. */
    let zeroBlocks = 0
    /** A header was damaged, so where the next one is has to be seen. */
    let isLost = false
    for (;;) {
      const at = this.#input.position
      const block = await this.#input.exactly(BLOCK_BYTES)
      if (at === 0) requireTar(block)
      if (block.byteLength < BLOCK_BYTES) return isLost ? undefined : this.#truncated()
      if (isZero(block)) {
        // What follows a damaged header may be contents.
        if (!isLost && ++zeroBlocks === 2) return this.#readEnd()
        continue
      }
      if (zeroBlocks === 1) this.#damages.push(`the header at byte ${at - BLOCK_BYTES} is missing`)
      zeroBlocks = 0
      const header = parseHeader(block)
      if (header === undefined) {
        if (!isLost) this.#damages.push(`the header at byte ${at} is damaged`)
        this.#next = {}
        isLost = true
        continue
      }
      isLost = false
      const isWhole = (await this.#describe(header, at)) ?? (yield* this.#entry(header))
      if (!isWhole) return this.#truncated()
    }
  }

  close(): void {
    this.#input.close()
  }

  damage(): DstoreError | undefined {
    const [first, ...more] = this.#damages
    if (first === undefined) return undefined
    const rest = more.length === 0 ? '' : ` (${more.length} more faults follow)`
    return new DstoreError('unreadable', `cannot read all of the archive: ${first}${rest}`)
  }

  asFault(error: unknown): unknown {
    if (this.#signal.aborted) return this.#signal.reason
    if (error instanceof DstoreError) return error
    const why = error instanceof Error ? error.message : String(error)
    return new DstoreError('unreadable', `cannot read the archive: ${why}`, { cause: error })
  }

  /**
   * Read an entry that describes the next one, or all that follow. Returns undefined if it is none,
   * and false if it is cut off.
   */
  async #describe({ flag, size }: TarHeader, at: number): Promise<boolean | undefined> {
    const parse = DESCRIPTIONS.get(flag)
    if (parse === undefined) return undefined
    const paddedBytes = size + paddingOf(size)
    const isTooLarge = size > DESCRIPTION_BYTES
    const bytes = isTooLarge ? undefined : await this.#input.exactly(paddedBytes)
    if (bytes === undefined) {
      if (!(await this.#input.skip(paddedBytes))) return false
    } else if (bytes.byteLength < paddedBytes) {
      return false
    }
    const found = bytes === undefined ? undefined : parse(bytes.subarray(0, size))
    if (found === undefined) this.#damages.push(`the extended header at byte ${at} is malformed`)
    Object.assign(flag === 'g' ? this.#always : this.#next, found)
    return true
  }

  /** Yield an entry, then skip what its reader has left. Returns false if it is cut off. */
  async *#entry(header: TarHeader): AsyncGenerator<TarEntry, boolean, undefined> {
    const { path, link, size: bytes, isSparse } = { ...header, ...this.#always, ...this.#next }
    this.#next = {}
    const type = isSparse === true ? 'sparse file' : typeOf(header.flag, path)
    const size = BODYLESS.has(header.flag) ? 0 : bytes
    if (header.flag === 'S' && header.isExtended && !(await this.#skipSparseMap())) return false
    const rest = { bytes: size }
    if (type !== 'label') {
      const { mode } = header
      yield { path, type, size, mode, link, bytes: this.#contents(rest, size) }
    }
    return this.#input.skip(rest.bytes + paddingOf(size))
  }

  async *#contents(rest: { bytes: number }, size: number): AsyncGenerator<Uint8Array> {
    while (rest.bytes > 0) {
      let piece: Uint8Array | undefined
      try {
        piece = await this.#input.some(rest.bytes)
        if (piece === undefined) {
          const message = `the archive ends after ${size - rest.bytes} of ${size} bytes of this file`
          throw new DstoreError('unreadable', message)
        }
      } catch (error) {
        this.isReported = true
        throw this.asFault(error)
      }
      rest.bytes -= piece.byteLength
      yield piece
    }
  }

  /** The blocks between the header of a sparse file of GNU tar and its contents. */
  async #skipSparseMap(): Promise<boolean> {
    for (;;) {
      const block = await this.#input.exactly(BLOCK_BYTES)
      if (block.byteLength < BLOCK_BYTES) return false
      if (block[504] === 0) return true
    }
  }

  /** After the end only padding may follow. */
  async #readEnd(): Promise<void> {
    for (;;) {
      const at = this.#input.position
      const piece = await this.#input.some(PADDING_READ_BYTES)
      if (piece === undefined) return
      if (!isZero(piece)) {
        this.#damages.push(`something follows its end, from byte ${at}`)
        return
      }
    }
  }

  #truncated(): void {
    if (!this.isReported) this.#damages.push('it is truncated')
  }
}

function typeOf(flag: string, path: string): EntryType | 'label' {
  const bodyless = BODYLESS.get(flag)
  if (bodyless !== undefined) return bodyless
  if (flag === 'S') return 'sparse file'
  if (flag === 'M') return 'part of a file'
  // Every other type is a file to a program that does not know it, says POSIX.
  return flag === 'D' || path.endsWith('/') ? 'directory' : 'file'
}

/** Anything else is refused at once: it may be large, and has no header to look for. */
function requireTar(block: Uint8Array): void {
  const isTar = block.byteLength === BLOCK_BYTES ? isZero(block) : false
  if (isTar || resemblesHeader(block)) return
  const why = block.byteLength === 0 ? 'it is empty' : 'it is not a tar file'
  const hint = 'an archive is an uncompressed tar file'
  throw new DstoreError('unreadable', `cannot read the archive: ${why}`, { hint })
}
