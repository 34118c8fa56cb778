/** A journal whose appends are cut in every phase. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Journal } from '../../src/journal/journal.ts'

export const PHASES = ['lost', 'late', 'unanswered', 'repeated', 'silent', 'whole'] as const

/**
 * What happens to an append. `lost`: it never arrives, and fails. `late`: it fails, and arrives
 * later. `unanswered`: it arrives, and fails. `repeated`: the client sends it twice, and passes on
 * the second answer. `silent`: it arrives, and is never answered. `whole`: nothing.
 */
export type Phase = (typeof PHASES)[number]

export function cutJournal(journal: Journal, phaseOf: () => Phase): Journal {
  const late: Promise<unknown>[] = []
  return {
    append: async (after, entry) => {
      const phase = phaseOf()
      const cut = new Error(`cut: ${phase}`)
      if (phase === 'lost') throw cut
      if (phase === 'late') {
        late.push(
          sleep(5)
            .then(() => journal.append(after, entry))
            .catch(() => undefined),
        )
        throw cut
      }
      const answer = await journal.append(after, entry)
      if (phase === 'unanswered') throw cut
      if (phase === 'repeated') return journal.append(after, entry)
      if (phase === 'silent') return new Promise(() => undefined)
      return answer
    },
    extent: () => journal.extent(),
    at: (position) => journal.at(position),
    follow: (after, signal) => journal.follow(after, signal),
    trim: (upto) => journal.trim(upto),
    close: async () => {
      await Promise.all(late)
      await journal.close()
    },
  }
}
