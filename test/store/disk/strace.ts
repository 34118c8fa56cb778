/** What `strace -f -y` saw: calls in the order in which they ended, each with when it began. */
import { execFileSync } from 'node:child_process'

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

/** The calls that an answer must wait for, found among all. */
export class Trace {
  readonly calls: readonly Call[]
  readonly #pagesDescriptor: string

  constructor(calls: readonly Call[]) {
    this.calls = calls
    const synced = calls.find((call) => isSync(call) && isData(call))
    if (synced === undefined) throw new Error('LMDB was never synced')
    // LMDB writes a meta page through a descriptor of its own, which syncs every write; the rest
    // through the other one.
    this.#pagesDescriptor = descriptor(synced)
  }

  /** The commit before this call: its pages, their sync, and its meta page. */
  commitBefore(answer: Call): { readonly pages: Call; readonly synced: Call; readonly meta: Call } {
    const ofPages = (call: Call): boolean => descriptor(call) === this.#pagesDescriptor
    const writes = this.calls.filter((call) => isWrite(call) && isData(call))
    const pages = writes.findLast((call) => ofPages(call) && call.ended < answer.began)!
    const synced = this.calls.find(
      (call) => isSync(call) && isData(call) && call.began > pages.ended,
    )!
    const meta = writes.find((call) => !ofPages(call) && call.began > synced.ended)!
    return { pages, synced, meta }
  }

  /** How a value came to its file, whose name on its way in ends in this. */
  fileSteps(part: string): {
    readonly written: Call
    readonly synced: Call
    readonly rename: Call
    readonly directorySynced: Call
  } {
    const written = this.calls.findLast((call) => isWrite(call) && call.args.includes(part))!
    const synced = this.calls.find((call) => isSync(call) && call.args.includes(part))!
    const rename = this.calls.find(({ name, args }) => {
      return name.startsWith('rename') && args.includes(`${part}"`)
    })!
    const directorySynced = this.calls.find(
      (call) => isSync(call) && call.args.endsWith('/values>') && call.began > rename.ended,
    )!
    return { written, synced, rename, directorySynced }
  }

  unlinkOf(name: string): Call | undefined {
    return this.calls.find((call) => {
      return call.name.startsWith('unlink') && call.args.includes(`/${name}"`)
    })
  }
}

/** What to ask `strace` for: threads, names of files, and these calls, into this file. */
export function straceOptions(output: string): readonly string[] {
  return ['-f', '-y', '-s', '100', '-o', output, '-e', `trace=${CALLS}`]
}

export function isStraceInstalled(): boolean {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const CALLS =
  'write,writev,pwrite64,pwritev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat'

const isWrite = ({ name }: Call): boolean => name.includes('write')
const isSync = ({ name }: Call): boolean => name === 'fsync' || name === 'fdatasync'
const isData = ({ args }: Call): boolean => args.includes('/data.mdb>')
const descriptor = ({ args }: Call): string => args.split('<')[0]!
