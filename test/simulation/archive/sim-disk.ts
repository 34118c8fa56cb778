/** The disk of a machine: its journal and the records as of some position outlive processes. */
import type { ChainPosition } from '../../../src/journal/chain.ts'
import {
  type Extent,
  type Followed,
  type Journal,
  beyondEnd,
} from '../../../src/journal/journal.ts'
import type { SimProcess } from './sim-process.ts'
import type { SimSnapshot } from './sim-cloud.ts'

export class SimDisk {
  readonly entries: Map<number, Uint8Array> = new Map()
  last: number
  trimmed: number
  records: SimSnapshot
  /** Was it restored, and has not been opened since? */
  isTakingOver = false

  constructor(records: SimSnapshot, start: Pick<ChainPosition, 'position'> = records) {
    this.records = records
    this.last = start.position
    this.trimmed = start.position
  }

  write(entry: Uint8Array): void {
    this.entries.set(++this.last, entry)
  }

  /** Bytes after a position. */
  bytesAfter(position: number): number {
    let bytes = 0
    for (let at = position + 1; at <= this.last; at++) bytes += this.entries.get(at)!.byteLength
    return bytes
  }

  /** Writes take a moment, and are done at its beginning or at its end. */
  journal(process: SimProcess, random: () => number): Journal {
    const append = async (after: number, entry: Uint8Array): Promise<'ok' | 'taken'> => {
      if (after < this.last) return 'taken'
      if (after > this.last) throw beyondEnd(after, this.last)
      const isAtOnce = random() < 0.5
      if (isAtOnce) this.write(entry)
      await process.sleep(1 + Math.floor(random() * 10))
      if (!isAtOnce) this.write(entry)
      return 'ok'
    }
    const at = async (position: number): Promise<Uint8Array | 'gone' | undefined> =>
      position <= this.trimmed ? 'gone' : this.entries.get(position)
    const extent = async (): Promise<Extent> => ({ first: this.trimmed + 1, last: this.last })
    const read = (after: number): Followed => {
      if (after < this.trimmed) return 'gone'
      const count = Math.min(8, this.last - after)
      return Array.from({ length: count }, (_, i) => this.entries.get(after + 1 + i)!)
    }
    return {
      append,
      at,
      extent,
      async *follow(after, signal) {
        for (let position = after; !signal.aborted;) {
          const batch = read(position)
          if (batch.length === 0) await process.sleep(1000, signal)
          else yield batch
          if (batch === 'gone') return
          position += batch.length
        }
      },
      trim: async (upto) => {
        this.trimmed = Math.max(this.trimmed, Math.min(upto, this.last - 1))
      },
      close: async () => undefined,
    }
  }
}
