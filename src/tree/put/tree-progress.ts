/** How far the put of a tree is. */
export interface TreeProgress {
  /** `scan`: what there is; `hash`: keys of files; `store`: asking and sending. */
  readonly phase: 'scan' | 'hash' | 'store'
  readonly doneFiles: number
  /** Undefined in `scan`. */
  readonly totalFiles: number | undefined
  readonly doneBytes: number
  /** Undefined in `scan`. */
  readonly totalBytes: number | undefined
}

export type OnTreeProgress = (progress: TreeProgress) => void

/** Counts files and bytes of one phase. */
export class TreeCounter {
  readonly #phase: TreeProgress['phase']
  readonly #total: { readonly files: number; readonly size: number } | undefined
  readonly #report: OnTreeProgress | undefined
  files = 0
  size = 0

  constructor(
    phase: TreeProgress['phase'],
    report: OnTreeProgress | undefined,
    total?: { readonly files: number; readonly size: number },
  ) {
    this.#phase = phase
    this.#report = report
    this.#total = total
  }

  add(files: number, bytes: number): void {
    this.files += files
    this.size += bytes
    this.#show()
  }

  /** Everything is done: also what was left out because it is the same as something else. */
  finish(): void {
    if (this.#total === undefined) return
    this.files = Math.max(this.files, this.#total.files)
    this.size = Math.max(this.size, this.#total.size)
    this.#show()
  }

  #show(): void {
    this.#report?.({
      phase: this.#phase,
      doneFiles: this.files,
      totalFiles: this.#total && Math.max(this.#total.files, this.files),
      doneBytes: this.size,
      totalBytes: this.#total && Math.max(this.#total.size, this.size),
    })
  }
}
