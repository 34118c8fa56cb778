/** How much memory the control groups of this process still allow it. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

interface Roots {
  readonly proc?: string
  readonly groups?: string
}

/** The files of a control group, in one of the two versions of their interface. */
interface GroupFiles {
  readonly limit: string
  readonly used: string
  /** The line of `memory.stat` with page cache that the system gives up first. */
  readonly unused: string
}

const V2: GroupFiles = { limit: 'memory.max', used: 'memory.current', unused: 'inactive_file' }

const V1: GroupFiles = {
  limit: 'memory.limit_in_bytes',
  used: 'memory.usage_in_bytes',
  unused: 'total_inactive_file',
}

/** Version 1 writes a number near 2^63 where there is no limit. */
const NO_LIMIT = 2 ** 60

/**
 * The least that a control group of this process, or one above it, has left: its limit less what it
 * uses, except page cache that the system gives up. Infinity without a limit.
 */
export function memoryLeft({ proc = '/proc', groups = '/sys/fs/cgroup' }: Roots = {}): number {
  const left = textOf(join(proc, 'self/cgroup'))
    .split('\n')
    .flatMap((line) => {
      const [, controllers = '', path = ''] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
      if (path === '') return []
      if (controllers === '') return above(groups, path).map((folder) => leftIn(folder, V2))
      if (!controllers.split(',').includes('memory')) return []
      return above(join(groups, 'memory'), path).map((folder) => leftIn(folder, V1))
    })
  return Math.min(Infinity, ...left)
}

function leftIn(folder: string, { limit, used, unused }: GroupFiles): number {
  const bound = numberIn(textOf(join(folder, limit)))
  if (bound === undefined || bound >= NO_LIMIT) return Infinity
  const stat = new RegExp(`^${unused} (\\d+)$`, 'm').exec(textOf(join(folder, 'memory.stat')))
  const inUse = (numberIn(textOf(join(folder, used))) ?? 0) - Number(stat?.[1] ?? 0)
  return Math.max(0, bound - Math.max(0, inUse))
}

/** The folder of a control group and those above it. */
function above(root: string, path: string): string[] {
  const folder = join(root, path)
  return path === '/' ? [folder] : [folder, ...above(root, dirname(path))]
}

const numberIn = (text: string): number | undefined =>
  /^\d+\s*$/.test(text) ? Number(text) : undefined

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // This system has no such file.
    return ''
  }
}
