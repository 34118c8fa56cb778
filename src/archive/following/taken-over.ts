/** What a node says that was overtaken. */
import { toHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { decodeEntry } from '../../journal/decode.ts'

/** `archived`: its own last entry there. `entry`: the other node's at the next place, if known. */
export function takenOver(
  place: string,
  archived: number,
  entry: Uint8Array | undefined,
): DstoreError {
  const message = `another node has taken over the archive in ${place}${byWhom(entry)}`
  return new DstoreError('unwritable', `${message}: this one has stopped after entry ${archived}`, {
    hint: 'only one node may have an archive: start this one on an empty directory to take over',
  })
}

/** Who wrote the entry, for a message; empty if it is not known. */
export function byWhom(entry: Uint8Array | undefined): string {
  if (entry === undefined) return ''
  try {
    const { head } = decodeEntry(entry)
    return `, in epoch ${head.epoch} of writer ${toHex(head.writer).slice(0, 8)}`
  } catch {
    return ', with an entry that cannot be read'
  }
}
