/** Trees of files that pass between nodes, and what they cost. */
import { readFileSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { outcome, type Outcome } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { network, type Daemon } from './nodes.ts'
import { treeFacts } from './tree-key.ts'
import { sameTree } from './tree-files.ts'

export interface Nodes {
  readonly global: Daemon
  /** Puts. */
  readonly a: Daemon
  /** Gets. */
  readonly b: Daemon
}

/** Global and two Locals. */
export async function treeNodes(
  owner: Parameters<typeof network>[0],
  cache = '64MiB',
): Promise<Nodes> {
  const { global, locals } = await network(owner, 2, { local: ['--cache', cache] })
  return { global, a: locals[0]!, b: locals[1]! }
}

/** What a successful command printed, a line each. */
export function linesOf(t: ExecutionContext, { exit, stdout, stderr }: Outcome): string[] {
  t.is(exit, 0, stderr)
  return stdout.toString().split('\n').slice(0, -1)
}

/** Asserts that a command failed with this exit code, in one line and at most one hint. */
export function oneLine(
  t: ExecutionContext,
  { exit, stdout, stderr }: Outcome,
  code: number,
  line: RegExp,
): void {
  t.is(exit, code, stderr)
  t.is(stdout.toString(), '')
  t.regex(stderr, line)
  const kinds = stderr
    .trimEnd()
    .split('\n')
    .map((one) => /^[a-z]+: /.exec(one)?.[0] ?? one)
  t.true(['dstore: ', 'dstore: hint: '].includes(kinds.join('')), stderr)
}

/** Puts a folder; asserts that its key is the one that another encoder gives. */
export async function putTree(
  t: ExecutionContext,
  node: Daemon,
  path: string,
  flags: readonly string[] = [],
): Promise<string> {
  const [key, ...rest] = linesOf(t, await node.run(['put', path, ...flags]))
  t.deepEqual([key, ...rest], [treeFacts(path).key])
  return key!
}

/** Gets a tree into a new folder; asserts that it is the one that was put. */
export async function getTree(
  t: ExecutionContext,
  node: Daemon,
  word: string,
  to: string,
  original: string,
): Promise<void> {
  t.deepEqual(linesOf(t, await node.run(['get', word, '-o', to])), [])
  sameTree(t, to, original)
}

/** Every key that a node lists, values without a name included. */
export async function keysAt(t: ExecutionContext, node: Daemon): Promise<string[]> {
  return linesOf(t, await node.run(['ls', '--keys']))
}

/** Bytes of values that a node has sent over the network. */
export async function bytesOut(node: Daemon): Promise<number> {
  const { traffic } = await node.status()
  return traffic.reduce((sum, { valueBytesOut }) => sum + valueBytesOut, 0)
}

/**
 * Samples the memory of a process, without mapped files as the pages of LMDB, until `stop`, which
 * returns the most that it had, in MiB. Linux only.
 */
export function watchMemory(pid: number): () => number {
  let most = 0
  const sample = (): void => {
    try {
      const [, kib = '0'] =
        /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
      most = Math.max(most, Number(kib) / 1024)
    } catch {
      // It has ended.
    }
  }
  const timer = setInterval(sample, 20)
  return () => {
    clearInterval(timer)
    return most
  }
}

/** The most memory that a process had so far, in MiB; undefined where it has ended. Linux only. */
export function peakMib(pid: number): number | undefined {
  try {
    const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return kib === undefined ? undefined : Number(kib) / 1024
  } catch {
    return undefined
  }
}

/** Runs a command to its end; returns the most memory that it had, too, in MiB. */
export async function measured(
  node: Daemon,
  args: readonly string[],
): Promise<Outcome & { readonly mib: number; readonly seconds: number }> {
  const begin = performance.now()
  const child = node.place.start(args)
  child.stdin!.end()
  const stop = watchMemory(child.pid!)
  const ended = await outcome(child)
  return { ...ended, mib: stop(), seconds: (performance.now() - begin) / 1000 }
}

/** Waits until a node lists exactly this many keys. */
export const hasKeys = (t: ExecutionContext, node: Daemon, count: number): Promise<true> =>
  eventually(async (saw) => saw((await keysAt(t, node)).length) === count)
