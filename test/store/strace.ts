/** What `strace -f -y` saw: calls in the order in which they ended, each with when it began. */

export interface Call {
  readonly name: string
  /** Everything between the brackets. */
  readonly args: string
  /** Lines of the trace. */
  readonly began: number
  readonly ended: number
}

const WHOLE = /^(\d+) +(\w+)\((.*)\) += +(-?\d+)/
const BEGUN = /^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$/
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += +(-?\d+)/

/** Calls that succeeded. Of threads that interleave, `strace` writes a call in two halves. */
export function parseTrace(trace: string): Call[] {
  const calls: Call[] = []
  const open = new Map<string, { readonly args: string; readonly began: number }>()
  trace.split('\n').forEach((line, ended) => {
    const begun = BEGUN.exec(line)
    if (begun !== null) {
      open.set(begun[1]!, { args: begun[3]!, began: ended })
      return
    }
    const [, thread, name, args, result] = WHOLE.exec(line) ?? RESUMED.exec(line) ?? []
    if (name === undefined || Number(result) < 0) return
    const half = line.includes('resumed>') ? open.get(thread!) : undefined
    calls.push({ name, args: (half?.args ?? '') + args!, began: half?.began ?? ended, ended })
  })
  return calls
}
