/** The page over a world that no test sets up with daemons. */
import { deepEqual, ok } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { VIEWS, type Bench } from './bench.ts'
import { startSimulated } from './simulated.ts'
import { heapBytes, LONG_MS, longTasksOf, type Task } from './tasks.ts'
import { visiting } from './visit.ts'

/** `DSTORE_PAGE_SECONDS=60` for the whole claim; CI takes less. */
const SECONDS = Number(process.env['DSTORE_PAGE_SECONDS'] ?? 15)

const ROUNDS = 3

/** What plots and lists may still take once they are full. */
const HEAP_SLACK_BYTES = 3_000_000

export async function testBig(bench: Bench): Promise<void> {
  const { report, browser } = bench
  await report.test(
    `R013-66: 1,000 Locals, 1,000,000 names, 200 changes a second: ${SECONDS} s without a long task, and a flat heap`,
    async () => {
      const simulated = await startSimulated()
      try {
        await visiting(browser, simulated.url, async (visit) => {
          await bench.opened(visit)
          const round = async (ms: number): Promise<void> => {
            for (const view of VIEWS) {
              await bench.show(visit, view)
              await sleep(ms / VIEWS.length)
            }
          }
          await round(3000)
          const before = await heapBytes(visit)
          const begin = performance.now()
          const rounds: Task[][] = []
          for (let i = 0; i < ROUNDS; i++) {
            rounds.push(await longTasksOf(browser, visit, () => round((SECONDS * 1000) / ROUNDS)))
          }
          const took = (performance.now() - begin) / 1000
          const after = await heapBytes(visit)
          const all = rounds.flat()
          const most = Math.max(0, ...all.map(({ ownMs }) => ownMs))
          report.note(
            `${took.toFixed(0)} s: ${all.length} tasks over ${LONG_MS} ms by the clock, the longest ` +
              `${most.toFixed(0)} ms of its own; heap ${mb(before)} -> ${mb(after)} MB`,
          )
          for (const task of all.filter(({ ownMs }) => ownMs > LONG_MS)) report.note(told(task))
          deepEqual(longViews(rounds), [], 'views with a long task each time')
          ok(after - before < HEAP_SLACK_BYTES, `the heap grew: ${mb(before)} to ${mb(after)} MB`)
        })
        deepEqual(simulated.unknown, [], 'the page makes calls that the simulated API lacks')
      } finally {
        await simulated.close()
      }
    },
  )
}

/** The views that had a long task in each round: one alone may be the machine's. */
const longViews = (rounds: readonly Task[][]): string[] =>
  VIEWS.filter((view) =>
    rounds.every((tasks) => tasks.some(({ during, ownMs }) => during === view && ownMs > LONG_MS)),
  )

const told = ({ during, ownMs, wallMs, from }: Task): string =>
  `${during}: ${ownMs.toFixed(0)} ms of its own, ${wallMs.toFixed(0)} by the clock, ${from}`

const mb = (bytes: number): string => (bytes / 1e6).toFixed(1)
