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

  /** A file begins. */
  begin(): CountedFile {
    let bytes = 0
    const wrote = (doneBytes: number): void => {
      this.#bytes += doneBytes - bytes
      bytes = doneBytes
      this.#tell()
    }
    return {
      wrote,
      done: (size) => {
        this.#files++
        wrote(size)
      },
    }
  }

  get result(): Extracted {
    return { files: this.#files, bytes: this.#bytes }
  }

  #tell(): void {
    this.#onProgress?.({
      doneFiles: this.#files,
      totalFiles: this.#total.files,
      doneBytes: this.#bytes,
      totalBytes: this.#total.size,
    })
  }
}

export interface CountedFile {
  /** This many of its bytes are written. */
  readonly wrote: (doneBytes: number) => void
  /** It is in place, and has this size. */
  readonly done: (size: number) => void
}
