/**
 * Bytes of unlinked files that other processes still have open: they take room, and no name says
 * so. Known on shared memory only, where the last one to close a file frees it at once.
 */
import type { MountUse } from '../../store/cached/mount.ts'

/** What of a file may be accounted for late, as a share of it. */
const NOISE = 1 / 16

export class UnlinkedBytes {
  readonly #use: () => MountUse
  readonly #ownBytes: () => number
  /** Of files that freed nothing when they were unlinked, as far as they may still be open. */
  #pendingBytes = 0
  /** What others have on the file system. */
  #foreignBytes = 0

  /** `use`: of the file system now. `ownBytes`: of the files that are not unlinked. */
  constructor(use: () => MountUse, ownBytes: () => number) {
    this.#use = use
    this.#ownBytes = ownBytes
  }

  /** Runs what unlinks a file of this many bytes, and notices whether that freed them. */
  unlinking(bytes: number, run: () => void): void {
    const before = this.#use()
    run()
    if (before.kind !== 'shared-memory') return
    const { usedBytes } = this.#use()
    const openBytes = bytes - Math.max(0, before.usedBytes - usedBytes)
    if (openBytes <= bytes * NOISE) return
    const pendingBytes = this.bytes
    if (pendingBytes === 0) this.#foreignBytes = usedBytes - this.#ownBytes() - openBytes
    this.#pendingBytes = pendingBytes + openBytes
  }

  /** How many are still open, and never more than were when they were unlinked. */
  get bytes(): number {
    if (this.#pendingBytes === 0) return 0
    const beside = this.#use().usedBytes - this.#ownBytes()
    this.#pendingBytes = Math.min(this.#pendingBytes, Math.max(0, beside - this.#foreignBytes))
    return this.#pendingBytes
  }
}
