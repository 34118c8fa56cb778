/**
 * How far a Local has applied the order of changes (specs/004-index.md, "Rules: sessions" and
 * "Rules: reset").
 */
import type { Feed, Position, Welcome } from '../message.ts'

export class Progress {
  #position: Position | undefined
  #highestSeen = 0
  /** The run that feeds this Local. */
  #runId: Uint8Array = new Uint8Array(16)
  /** The position of a reset: acknowledged once everything held is revalidated. */
  #resetTo: Position | undefined

  /** Everything up to here is applied. The next hello names it. */
  get position(): Position | undefined {
    return this.#position
  }

  /** The highest seq of the run of `position` that any message named. */
  get highestSeen(): number {
    return this.#highestSeen
  }

  saw(...seqs: readonly number[]): void {
    this.#highestSeen = Math.max(this.#highestSeen, ...seqs)
  }

  /**
   * The seq up to which everything is applied; undefined if this Local has no position to resume
   * from.
   */
  welcomed({ position, reset }: Welcome): number | undefined {
    this.#runId = position.runId
    if (reset) {
      this.#resetTo = position
      this.#highestSeen = position.seq
      return position.seq
    }
    this.#resetTo = undefined
    if (this.#position === undefined) return undefined
    // The log contains the position, so its seq means the same in this run.
    this.#position = { runId: position.runId, seq: this.#position.seq }
    return this.#position.seq
  }

  isFollowedBy({ after }: Feed): boolean {
    return this.#resetTo === undefined && this.#position?.seq === after
  }

  applied(seq: number): void {
    this.#position = { runId: this.#runId, seq }
  }

  /** The seq to acknowledge now that the reset is complete; undefined if there was none. */
  completeReset(): number | undefined {
    if (this.#resetTo === undefined) return undefined
    this.#position = this.#resetTo
    this.#resetTo = undefined
    return this.#position.seq
  }

  closed(): void {
    this.#resetTo = undefined
  }
}
