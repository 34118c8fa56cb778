/** What `strace -f -y` saw: calls in the order in which they ended, each with when it began. */
import { execFileSync } from 'node:child_process'

export interface Call {
  readonly name: string
  /** Everything between the brackets. */
  readonly args: string
  /** Lines of the trace. */
  readonly began: number
  readonly ended: number
  readonly result: number
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
    const began = half?.began ?? ended
    calls.push({ name, args: (half?.args ?? '') + args!, began, ended, result: Number(result) })
  })
  return calls
}

/** The calls that an answer must wait for, found among all. */
export class Trace {
  readonly calls: readonly Call[]

  constructor(calls: readonly Call[]) {
    this.calls = calls
  }

  /** The last entry of the journal before this call. */
  appendBefore(answer: Call): Call {
    return this.calls.findLast((call) => isEntry(call) && call.ended < answer.began)!
  }

  /** Was it made through a descriptor whose writes are durable when they return? */
  isDurable(write: Call): boolean {
    const opened = this.calls.findLast((call) => {
      const isBefore = call.name === 'openat' && call.ended < write.began
      return isBefore && String(call.result) === descriptor(write)
    })
    return opened !== undefined && opened.args.includes('O_DSYNC')
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
  'openat,write,writev,pwrite64,pwritev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat'

const isWrite = ({ name }: Call): boolean => name.includes('write')
const isSync = ({ name }: Call): boolean => name === 'fsync' || name === 'fdatasync'
/** The first block of a segment is its head. */
const isEntry = (call: Call): boolean =>
  isWrite(call) && call.args.includes('.segment>') && !call.args.includes('"dstore-j')
const descriptor = ({ args }: Call): string => args.split('<')[0]!
