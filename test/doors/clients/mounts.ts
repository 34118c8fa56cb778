/** Mounts of clients' file systems: always ended, and read as programs do. */
import { equal } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './site.ts'

const WAIT_MS = 60_000

/** Whether this process may mount file systems of its own. */
export const canMount = (): boolean => existsSync('/dev/fuse') && process.getuid?.() === 0

/** Mounts by a command that returns when it is done, and unmounts whatever becomes of `work`. */
export async function withMount(
  { path, command }: { readonly path: string; readonly command: readonly string[] },
  work: () => Promise<void> | void,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const [program = '', ...words] = command
  try {
    // Its daemon keeps what it inherits: pipes would never end.
    const { status } = spawnSync(program, words, {
      env: { ...process.env, ...env },
      stdio: 'ignore',
      timeout: WAIT_MS,
    })
    equal(status, 0, command.join(' '))
    await work()
  } finally {
    const { status } = spawnSync('umount', [path], { stdio: 'ignore', timeout: WAIT_MS })
    if (status !== 0) spawnSync('umount', ['--lazy', path], { stdio: 'ignore', timeout: WAIT_MS })
  }
}

/** The files below a folder, with their sizes. */
export function filesBelow(folder: string): Record<string, number> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name): [string, ReturnType<typeof statSync>] => [name, statSync(join(folder, name))])
    .filter(([, facts]) => facts?.isFile())
    .map(([name, facts]): [string, number] => [name, Number(facts?.size)])
  return Object.fromEntries(files.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** The SHA-256 of a file that is mapped into memory. */
export const mappedSha256 = (path: string): string =>
  run(process.env['PYTHON'] ?? 'python3', ['-c', MAP, path]).trim()

const MAP = `
import hashlib, mmap, sys
with open(sys.argv[1], 'rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as map:
    map[len(map) // 2]
    print(hashlib.sha256(map).hexdigest())
`
