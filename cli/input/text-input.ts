/** Whole texts that a command holds in memory: a list of references, patterns to ignore. */
import { DstoreError } from '../../src/errors.ts'
import { concat } from '../../src/bytes.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import { MIB } from '../../src/limits.ts'
import { unreadableFile } from '../../src/store/file/file-faults.ts'
import { decodeUtf8 } from '../../src/utf8.ts'
import { labelOf, openInput } from './input.ts'

/** The most bytes of such a text: those of four million keys. */
export const TEXT_BYTES: number = 256 * MIB

/**
 * The text of a file, or of standard input, without a byte order mark. Errors: `unreadable`,
 * `too-large`, `usage` for what is not UTF-8, and the reason of the signal.
 */
export async function readText(file: string, signal: AbortSignal): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for await (const piece of (await openInput(file, signal)).bytes) {
      size += piece.byteLength
      if (size > TEXT_BYTES) throw tooLarge(file)
      parts.push(piece)
    }
  } catch (error) {
    throw error instanceof DstoreError ? error : unreadableFile(labelOf(file), error)
  }
  const text = decodeUtf8(concat(parts))
  if (text === undefined) throw new DstoreError('usage', `${labelOf(file)} is not UTF-8`)
  return text.replace(/^\ufeff/, '')
}

const tooLarge = (file: string): DstoreError =>
  new DstoreError('too-large', `${labelOf(file)} has more than ${formatSize(TEXT_BYTES)} of text`)
