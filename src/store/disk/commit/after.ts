/** Timers that are handed in. */

/** Runs something once after this time, unless the function that it returns is called before. */
export type After = (ms: number, run: () => void) => () => void

export const systemAfter: After = (ms, run) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}
