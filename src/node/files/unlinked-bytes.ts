/** Bytes of unlinked files that other processes still have open, as far as it can be told. */

export class UnlinkedBytes {
  /** Of files that were unlinked since nothing was left of the earlier ones. */
  #unlinkedBytes = 0
  /** What others have on the file system. */
  #foreignBytes: number

  constructor(foreignBytes: number) {
    this.#foreignBytes = foreignBytes
  }

  add(bytes: number): void {
    this.#unlinkedBytes += bytes
  }

  /** `besideBytes`: what is used on the file system, less the files that are not unlinked. */
  stillOpen(besideBytes: number): number {
    const open = Math.min(this.#unlinkedBytes, Math.max(0, besideBytes - this.#foreignBytes))
    this.#unlinkedBytes = open
    if (open === 0) this.#foreignBytes = besideBytes
    return open
  }
}
