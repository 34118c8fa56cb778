/** Reads one segment: which entries it has, and whether what follows them may be torn. */
import { unzeroed } from '../../bytes.ts'
import { JOURNAL_BLOCK_BYTES, MIB } from '../../limits.ts'
import { entryDigest } from '../digest.ts'
import { damaged } from './faults.ts'
import { type JournalFile, type JournalFiles, readFull } from './files.ts'
import { type SegmentHead, decodeHead } from './head.ts'
import { entryOf, recordBytes, recordHead } from './record.ts'

const WINDOW_BYTES = MIB

export interface SegmentContent {
  readonly head: SegmentHead
  /** Of entries `head.after` + 1 and so on, as far as all are what was written. */
  readonly offsets: readonly number[]
  /** The digests of those entries. */
  readonly digests: readonly Uint8Array[]
  /**
   * The position of a later record that is what was written: then something before it is damaged.
   */
  readonly later: number | undefined
}

/**
 * Reads up to an entry, or all: then what follows the last one is looked through, too. Throws
 * `integrity` where the file is not the segment that it was when it got its name.
 */
export async function readSegment(
  files: JournalFiles,
  path: string,
  { number, upto = Infinity }: { readonly number: number; readonly upto?: number | undefined },
): Promise<SegmentContent> {
  const file = await files.open(path)
  try {
    const window = new Window(file, await file.size())
    const head = decodeHead(await window.bytes(0, JOURNAL_BLOCK_BYTES), path)
    if (head.number !== number) throw damaged(path, `it was segment ${head.number}`)
    if (head.bytes !== window.size) {
      throw damaged(path, `it has ${window.size} bytes, not ${head.bytes}`)
    }
    const offsets: number[] = []
    const digests: Uint8Array[] = []
    let offset = JOURNAL_BLOCK_BYTES
    while (head.after + offsets.length < upto) {
      const record = await window.record(offset, head.salt)
      if (record?.position !== head.after + offsets.length + 1) break
      offsets.push(offset)
      digests.push(record.digest)
      offset += record.bytes
    }
    const later = upto === Infinity ? await laterRecord(window, offset, head) : undefined
    return { head, offsets, digests, later }
  } finally {
    await file.close()
  }
}

async function laterRecord(
  window: Window,
  from: number,
  { salt }: SegmentHead,
): Promise<number | undefined> {
  for (let offset = from; offset < window.size; offset += JOURNAL_BLOCK_BYTES) {
    const record = await window.record(offset, salt)
    if (record !== undefined) return record.position
  }
  return undefined
}

/** Reads a file in large pieces, from its start to its end. */
class Window {
  readonly size: number
  readonly #file: JournalFile
  #memory = unzeroed(WINDOW_BYTES)
  #start = 0
  #end = 0

  constructor(file: JournalFile, size: number) {
    this.#file = file
    this.size = size
  }

  /** Fewer at the end of the file. Valid until the next call. */
  async bytes(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(offset + length, this.size)
    if (offset < this.#start || end > this.#end) {
      if (end - offset > this.#memory.byteLength) this.#memory = unzeroed(end - offset)
      this.#start = offset
      this.#end = offset + (await readFull(this.#file, this.#memory, offset))
    }
    return this.#memory.subarray(offset - this.#start, Math.min(end, this.#end) - this.#start)
  }

  /** The record there, if it is what was written under this salt. */
  async record(
    offset: number,
    salt: Uint8Array,
  ): Promise<{ position: number; bytes: number; digest: Uint8Array } | undefined> {
    const head = recordHead(await this.bytes(offset, JOURNAL_BLOCK_BYTES), salt)
    if (head === undefined) return undefined
    const bytes = recordBytes(head.length)
    if (offset + bytes > this.size) return undefined
    const entry = entryOf(await this.bytes(offset, bytes), head, offset)
    return entry && { position: head.position, bytes, digest: entryDigest(entry) }
  }
}
