/** Looks at what a store's own journal has beyond the bucket's, at start. */
import { DstoreError } from '../../errors.ts'
import { decodeEntry } from '../../journal/decode.ts'
import type { Change } from '../../journal/entry.ts'

export class Tail {
  readonly #place: string
  /** The first opening of the store that the bucket lacks. */
  #begunAt: number | undefined

  /** `place`: in messages. */
  constructor(place: string) {
    this.#place = place
  }

  /**
   * Call it with one entry after another. Throws `integrity` where the store adopted values in
   * files in an opening that the bucket lacks: with its archive it adopts nothing before that is
   * there, so it ran without, and these values have no objects (R011-51).
   */
  check(position: number, entry: Uint8Array): void {
    const { body } = decodeEntry(entry)
    if (body.kind === 'begin') this.#begunAt ??= position
    if (this.#begunAt === undefined || body.kind !== 'changes') return
    if (!body.changes.some(adoptsFile)) return
    const message = `the archive in ${this.#place} ends before entry ${this.#begunAt}, from which on this store ran without it, and took large values`
    throw new DstoreError('integrity', message, {
      hint: 'give another prefix, for a new archive of this store',
    })
  }
}

function adoptsFile(change: Change): boolean {
  if (change.type === 'replace') return change.by.place !== 'small'
  return change.type === 'transaction' && change.adopt.some(({ place }) => place !== 'small')
}
