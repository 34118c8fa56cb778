/**
 * What a peer was given last. A peer that verifies hangs up when it is given what is not the value, and says no more:
 * so what went before a broken transfer is looked at again (specs/003-transfer.md, R003-41).
 */
import type { ByteRange } from '../hash/tree/tree.ts'
import type { KeyRecord } from '../index/records/record.ts'
import { RECHECK_BYTES } from '../limits.ts'
import type { ValueBytes } from '../transfer/piece-reader.ts'

interface Given {
  readonly digest: Uint8Array
  readonly record: KeyRecord
  range: ByteRange
}

export class ServedLately {
  #last: Given | undefined

  /** A value whose reads are remembered. */
  watch(digest: Uint8Array, record: KeyRecord, value: ValueBytes): ValueBytes {
    const given: Given = { digest, record, range: { start: 0, end: 0 } }
    return {
      ...value,
      read: (range, signal) => {
        const follows = this.#last === given && range.start === given.range.end
        const start = follows ? Math.max(given.range.start, range.end - RECHECK_BYTES) : range.start
        given.range = { start, end: range.end }
        this.#last = given
        return value.read(range, signal)
      },
    }
  }

  get last(): Given | undefined {
    return this.#last
  }
}
