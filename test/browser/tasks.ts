/** The tasks of a page's main thread, by the browser's trace. */
import { eventually } from '../eventually.ts'
import type { Browser } from './chromium.ts'
import type { Visit } from './visit.ts'

/** Beyond this many milliseconds a task is long: the page answers late. */
export const LONG_MS = 50

interface TraceEvent {
  readonly cat: string
  readonly name: string
  readonly ph: string
  readonly ts: number
  readonly pid: number
  readonly tid: number
  /** Microseconds: of the clock, and of the thread's processor time. */
  readonly dur?: number
  readonly tdur?: number
  readonly args?: { readonly name?: string; readonly src_func?: string }
}

export interface Task {
  readonly wallMs: number
  /** Of its own processor time: less than the wall's on a machine that does other things. */
  readonly ownMs: number
  readonly from: string
  /** The mark before it, such as the view that was shown. */
  readonly during: string
}

/**
 * Runs `work` and gives the tasks of the page's main thread that took long by the clock, with the
 * processor time that each had.
 */
export async function longTasksOf(
  browser: Browser,
  visit: Visit,
  work: () => Promise<void>,
): Promise<Task[]> {
  const devtools = await browser.newBrowserCDPSession()
  const events: TraceEvent[] = []
  let isComplete = false
  devtools.on('Tracing.dataCollected', ({ value }) => {
    for (const event of value as TraceEvent[]) if (isWanted(event)) events.push(event)
  })
  devtools.on('Tracing.tracingComplete', () => (isComplete = true))
  const includedCategories = ['toplevel', 'blink.user_timing']
  await devtools.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories, excludedCategories: ['*'] },
  })
  try {
    // Tells which of the browser's processes is the page's.
    await visit.page.evaluate(`void performance.mark('${MARK}')`)
    await work()
  } finally {
    await devtools.send('Tracing.end')
    await eventually(() => isComplete)
  }
  const pid = events.find(({ name }) => name === MARK)?.pid
  const thread = events.find(
    (event) => event.pid === pid && event.args?.name === 'CrRendererMain',
  )?.tid
  if (thread === undefined) throw new Error('the trace has no main thread of the page')
  const own = events.filter((event) => event.pid === pid)
  const marks = own.filter(({ name }) => name.startsWith(MARK)).toSorted((a, b) => a.ts - b.ts)
  return own
    .filter(({ tid, name }) => tid === thread && name === TASK)
    .map(({ ts, dur = 0, tdur = 0, args }) => ({
      wallMs: dur / 1000,
      ownMs: tdur / 1000,
      from: args?.src_func ?? '',
      during: marks.findLast((mark) => mark.ts <= ts + dur)?.name.slice(MARK.length) ?? '',
    }))
}

/** Begins the marks of tests in a trace. */
export const MARK = 'dstore-test-'
const TASK = 'ThreadControllerImpl::RunTask'

const isWanted = ({ name, ph, dur = 0 }: TraceEvent): boolean =>
  name.startsWith(MARK) ||
  name === 'thread_name' ||
  (name === TASK && ph === 'X' && dur > LONG_MS * 1000)

/** Bytes of the page's heap after a collection. */
export async function heapBytes({ devtools }: Visit): Promise<number> {
  await devtools.send('HeapProfiler.collectGarbage')
  await devtools.send('HeapProfiler.collectGarbage')
  const { usedSize } = await devtools.send('Runtime.getHeapUsage')
  return Number(usedSize)
}
