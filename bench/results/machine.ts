/** The machine, and the programs on it that dstore is measured beside. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { tmpdir } from 'node:os'
import { GIB } from '../../src/limits.ts'
import type { Machine } from './model.ts'

/** How each program tells its version. Those that are not found are left out of the rows. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  cp: ['--version'],
  curl: ['--version'],
  nginx: ['-v'],
  b3sum: ['--version'],
  'redis-server': ['--version'],
  python3: ['-c', 'import sqlite3; print("SQLite", sqlite3.sqlite_version)'],
  ipfs: ['--version'],
  wrk: ['--version'],
  ccache: ['--version'],
  go: ['version'],
  cc: ['--version'],
  huggingface_hub: [
    '-c',
    'import huggingface_hub as hub; print("huggingface_hub", hub.__version__)',
  ],
}

/** The commands of those that are called otherwise. */
const COMMANDS: Readonly<Record<string, string>> = {
  huggingface_hub: process.env['PYTHON'] ?? 'python3',
}

function versionOf(program: string, args: readonly string[]): string | undefined {
  const { error, stdout, stderr } = spawnSync(COMMANDS[program] ?? program, args, {
    encoding: 'utf8',
  })
  if (error !== undefined) return undefined
  // Up to the first number with a dot: what it was built with follows.
  return /^.*?\d+\.\d\S*/.exec(`${stdout}${stderr}`)?.[0]
}

export function programsHere(): Record<string, string> {
  const found = Object.entries(PROGRAMS).map(([name, args]) => [name, versionOf(name, args)])
  return Object.fromEntries(found.filter(([, version]) => version !== undefined)) as Record<
    string,
    string
  >
}

export function machineHere(programs: Readonly<Record<string, string>>): Machine {
  const [processor] = cpus()
  const [, disk = ''] = execFileSync('df', ['--output=fstype', tmpdir()]).toString().split('\n')
  return {
    processor: processor!.model.trim(),
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / GIB),
    kernel: release().split('-')[0]!,
    disk: disk.trim(),
    node: process.version,
    avx512: /\bavx512f\b/.test(readFileSync('/proc/cpuinfo', 'utf8')),
    programs,
  }
}
