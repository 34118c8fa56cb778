/** An engine in memory, which tests make refuse, fail and hang. */
import { type Engine, type OnMoved, awayError } from '../../../src/journal/engine/engine.ts'
import type { Journal } from '../../../src/journal/journal.ts'

export interface FakeEngine extends Engine {
  /** Calls that come next, by name: each is made to do this instead. */
  readonly next: Partial<Record<keyof Engine, (() => unknown)[]>>
  /** Names of the calls so far. */
  readonly calls: string[]
  readonly onMoved: OnMoved
}

/** Over a journal that keeps its entries; several engines may share one. */
export function fakeEngine(journal: Journal, onMoved: OnMoved): FakeEngine {
  const next: FakeEngine['next'] = {}
  const calls: string[] = []
  const made = async <T>(name: keyof Engine, call: () => Promise<T>): Promise<T> => {
    calls.push(name)
    const instead = next[name]?.shift()
    return instead === undefined ? call() : ((await instead()) as T)
  }
  return {
    place: 'fake://engine',
    next,
    calls,
    onMoved,
    append: (after, entry) =>
      made('append', async () => {
        if (after > (await journal.extent()).last) return 'refused'
        return (await journal.append(after, entry)) === 'ok' ? 'ok' : 'refused'
      }),
    extent: () => made('extent', () => journal.extent()),
    at: (position) =>
      made('at', async () => (Number.isSafeInteger(position) ? journal.at(position) : undefined)),
    read: (after) =>
      made('read', async () => {
        const { first, last } = await journal.extent()
        if (after + 1 < first) return 'gone'
        if (after >= last) return []
        const follower = journal.follow(after, new AbortController().signal)
        for await (const batch of follower) return batch
        throw awayError('fake://engine', 'closed')
      }),
    trim: (upto) => made('trim', () => journal.trim(upto)),
    announce: () => void calls.push('announce'),
    close: async () => void calls.push('close'),
  }
}
