/** Counts what is done of a tree, for its caller. */
import type { Totals } from '../../directory/directory.ts'
import type { Extracted, ExtractOptions } from './options.ts'

export class Counter {
  readonly #total: Totals
  readonly #onProgress: ExtractOptions['onProgress']
  #files = 0
  #bytes = 0

  constructor(total: Totals, onProgress: ExtractOptions['onProgress']) {
    this.#total = total
    this.#onProgress = onProgress
  }

  /** A file of this size is in place. */
  done(size: number): void {
    this.#files++
    this.#bytes += size
    this.#onProgress?.({
      doneFiles: this.#files,
      totalFiles: this.#total.files,
      doneBytes: this.#bytes,
      totalBytes: this.#total.size,
    })
  }

  get result(): Extracted {
    return { files: this.#files, bytes: this.#bytes }
  }
}
