/** How often tags moved and names went since the start (specs/004-index.md, R004-133). */
import { equal } from '../../../bytes.ts'
import type { Change } from '../../records/change-record.ts'
import type { NameCountsStatus } from './name-counts-status.ts'

export class NameCounts {
  #moves = 0
  #expired = 0
  #replaced = 0

  get status(): NameCountsStatus {
    return { moves: this.#moves, expired: this.#expired, replaced: this.#replaced }
  }

  /** A change is durable. */
  count(change: Change): void {
    switch (change.type) {
      case 'put':
        if (change.moved !== undefined) this.#moves++
        break
      case 'rebind':
        // With the same target, only its expiry changed.
        if (!equal(change.moved.previous.digest, change.digest)) this.#moves++
        break
      case 'unbind':
        if (change.why === 'expired') this.#expired += change.names.length
        break
      case 'remove':
        if (change.why === 'expired') this.#expired += change.names.length
        if (change.why === 'moved') this.#replaced++
        break
      default:
    }
  }
}
