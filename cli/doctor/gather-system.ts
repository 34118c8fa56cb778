/** Reads the limits that the system sets for a process: memory and open files. */
import { readFile, readdir } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import type { DescriptorFacts, MemoryFacts } from './facts.ts'

/** Of the daemon's process, if there is one; else of this one. */
export async function lookAtMemory(pid: number | undefined): Promise<MemoryFacts> {
  return {
    totalBytes: totalmem(),
    availableBytes: freemem(),
    limitBytes: await memoryLimit(pid ?? process.pid),
  }
}

/**
 * The lowest limit of the control groups that a process is in, version 2 or 1; undefined if none
 * has one.
 */
export async function memoryLimit(
  pid: number,
  proc = '/proc',
  groups = '/sys/fs/cgroup',
): Promise<number | undefined> {
  const text = await readFile(join(proc, String(pid), 'cgroup'), 'latin1').catch(() => '')
  const files = text.split('\n').flatMap((line) => {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (path === '') return []
    if (controllers === '') return above(groups, path).map((folder) => join(folder, 'memory.max'))
    if (!controllers.split(',').includes('memory')) return []
    const root = join(groups, 'memory')
    return above(root, path).map((folder) => join(folder, 'memory.limit_in_bytes'))
  })
  const limits = await Promise.all(files.map(readLimit))
  // Version 1 writes a number near 2^63 for none.
  const real = limits.filter((limit) => limit !== undefined && limit < 2 ** 60) as number[]
  return real.length === 0 ? undefined : Math.min(...real)
}

/** The folder of a control group and those above it. */
function above(root: string, path: string): string[] {
  const folder = join(root, path)
  return path === '/' ? [folder] : [folder, ...above(root, dirname(path))]
}

async function readLimit(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'latin1').catch(() => '')
  return /^\d+\s*$/.test(text) ? Number(text) : undefined
}

interface UserLimits {
  readonly open_files?: { readonly soft: number | string; readonly hard: number | string }
}

/** Of this process, or of another one of this user. Undefined where the system does not tell. */
export async function lookAtDescriptors(pid?: number): Promise<DescriptorFacts | undefined> {
  const folder = join('/proc', pid === undefined ? 'self' : String(pid))
  let text: string
  try {
    text = await readFile(join(folder, 'limits'), 'latin1')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return pid === undefined ? ownLimits() : undefined
  }
  const [, soft, hard] = /^Max open files +(\S+) +(\S+)/m.exec(text) ?? []
  if (soft === undefined || hard === undefined) return undefined
  const names = await readdir(join(folder, 'fd')).catch(() => undefined)
  return { soft: toCount(soft), hard: toCount(hard), used: names?.length }
}

/** Where there is no /proc, Node's own report has the limits. */
function ownLimits(): DescriptorFacts | undefined {
  const report = process.report.getReport() as { readonly userLimits?: UserLimits }
  const limits = report.userLimits?.open_files
  return limits && { soft: toCount(limits.soft), hard: toCount(limits.hard), used: undefined }
}

const toCount = (text: string | number): number => (text === 'unlimited' ? Infinity : Number(text))
