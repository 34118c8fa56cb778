/** A writer and a follower of a journal while members of its engine are killed. */
import type { ExecutionContext } from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import { Chain } from '../../../src/journal/chain.ts'
import type { Journal } from '../../../src/journal/journal.ts'
import { marked, marksOf, openWriter, verified } from '../../journal/tools.ts'

const WRITERS = 8
/** A writer waits so long for an append before it reads, and for a read before it reads again. */
const TIMEOUT_MS = 3_000

export interface Killed {
  readonly open: () => Promise<Journal>
  /** Kills and restarts; `progress` waits until more is acknowledged. */
  readonly faults: (progress: () => Promise<void>) => Promise<void>
  /** The longest time without an acknowledged append. */
  readonly gapMs: number
}

/** Nothing acknowledged is lost, nothing is there twice, and a follower sees the same. */
export async function survivesKills(t: ExecutionContext, options: Killed): Promise<void> {
  const [journal, other] = [await options.open(), await options.open()]
  const { writer } = await openWriter(journal, 1, { timeoutMs: TIMEOUT_MS })
  const acknowledged = new Map<number, number>()
  const state = { isOver: false, next: 0, gap: 0, at: performance.now() }
  const stop = new AbortController()
  const write = async (): Promise<void> => {
    while (!state.isOver) {
      const mark = state.next++
      acknowledged.set(mark, await writer.append([marked(mark)]))
      const now = performance.now()
      state.gap = Math.max(state.gap, now - state.at)
      state.at = now
    }
  }
  const followed: number[] = []
  const follow = async (): Promise<void> => {
    const chain = new Chain()
    for await (const batch of other.follow(0, stop.signal)) {
      if (batch === 'gone') throw new Error('nothing was trimmed')
      for (const entry of batch) followed.push(...marksOf(chain.accept(entry)))
    }
  }
  const following = follow()
  const writing = Promise.all(Array.from({ length: WRITERS }, write))
  const progress = async (): Promise<void> => {
    const before = acknowledged.size
    while (acknowledged.size < before + 50) await sleep(20)
  }
  try {
    await progress()
    await options.faults(progress)
    await progress()
    state.isOver = true
    await writing
    await writer.say('farewell')
    await writer.close()
    await check()
  } finally {
    state.isOver = true
    stop.abort()
    await writer.abandon()
    await Promise.allSettled([following, writing, journal.close(), other.close()])
  }

  async function check(): Promise<void> {
    const third = await options.open()
    const entries = await verified(third)
    const marks = entries.flatMap(marksOf)
    t.is(new Set(marks).size, marks.length, 'one is there twice')
    for (const [mark, position] of acknowledged) {
      if (!marksOf(entries[position - 1]!).includes(mark)) t.fail(`${mark} is lost`)
    }
    while (followed.length < marks.length) await sleep(20)
    t.deepEqual(followed, marks)
    t.log(`${acknowledged.size} acknowledged, longest gap ${Math.round(state.gap)} ms`)
    t.true(state.gap < options.gapMs, `a gap of ${state.gap} ms`)
    stop.abort()
    await following
    await third.close()
  }
}
