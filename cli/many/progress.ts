/** The progress of many values as one line: how many are done, and their bytes. */
import type { ProgressLine } from '../terminal/progress.ts'
import { shortLabel } from '../input/references.ts'
import { plural } from '../terminal/terminal.ts'

export class ManyProgress {
  readonly #line: ProgressLine
  readonly #count: number
  readonly #isOne: boolean
  readonly #noun: string
  #done = 0
  #doneBytes = 0
  #knownBytes = 0
  #knownCount = 0

  constructor(line: ProgressLine, count: number, noun: string = 'value') {
    this.#noun = noun
    this.#line = line
    this.#count = count
    this.#isOne = count === 1
  }

  /** A value begins; `size` is undefined if it is not known. */
  begin(size: number | undefined): ValueProgress {
    if (size !== undefined) {
      this.#knownBytes += size
      this.#knownCount++
    }
    let doneBytes = 0
    return {
      update: (bytes, totalBytes) => {
        this.#doneBytes += bytes - doneBytes
        doneBytes = bytes
        this.#show(this.#isOne ? totalBytes : undefined)
      },
      end: () => {
        this.#done++
        this.#show()
      },
    }
  }

  #show(ownTotal?: number): void {
    if (!this.#isOne) this.#line.label = `${this.#done} of ${plural(this.#count, this.#noun)}`
    const total = this.#knownCount === this.#count ? this.#knownBytes : ownTotal
    this.#line.update(this.#doneBytes, total)
  }
}

export interface ValueProgress {
  readonly update: (doneBytes: number, totalBytes?: number) => void
  readonly end: () => void
}

/** What the line is called before the first value is done. */
export function labelOfMany(texts: readonly string[]): string {
  return texts.length === 1 ? shortLabel(texts[0]!) : plural(texts.length, 'value')
}
