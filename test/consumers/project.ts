/**
 * A project as `npm init -y` makes it, with the packed tarball in `node_modules`. It asks no
 * registry.
 */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Owner } from '../cli/command.ts'
import { ROOT } from '../house/tree.ts'
import { packed } from '../stranger/packed.ts'

const TOOLS = join(ROOT, 'test/consumers/node_modules')

/** How to get the tools. */
export const HOW = 'npm ci --prefix test/consumers'

export const hasTools = (): boolean => existsSync(join(TOOLS, '.bin/esbuild'))

/** The path of one of the tools. */
export const tool = (name: string): string => join(TOOLS, '.bin', name)

export interface Project {
  readonly path: string
  readonly tarball: string
  /** Writes a file into it. */
  write(name: string, text: string): string
  /** Runs a program in it; throws with all that it printed unless it ends with 0. */
  run(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): string
}

/** The packages with binaries, which npm installs with dstore. */
const NATIVE = [
  'fs-native-extensions',
  'require-addon',
  'bare-addon-resolve',
  'bare-module-resolve',
  'bare-semver',
  'which-runtime',
  '@lmdb',
]

export async function plainProject(t: Owner): Promise<Project> {
  const tarball = await packed(t)
  const path = mkdtempSync(join(tmpdir(), 'dstore-consumer-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  const run: Project['run'] = (command, args, env) => {
    try {
      const options = { cwd: path, encoding: 'utf8', stdio: 'pipe', timeout: 200_000 } as const
      return execFileSync(command, args, { ...options, env: { ...process.env, ...env } })
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string }
      throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error })
    }
  }
  run('npm', ['init', '-y', '--silent'])
  const modules = join(path, 'node_modules')
  mkdirSync(join(modules, '@dstore'), { recursive: true })
  run('tar', ['-xzf', tarball, '-C', join(modules, '@dstore')])
  cpSync(join(modules, '@dstore/package'), join(modules, '@dstore/dstore'), { recursive: true })
  rmSync(join(modules, '@dstore/package'), { recursive: true })
  for (const name of NATIVE) {
    if (existsSync(join(ROOT, 'node_modules', name)))
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  const write = (name: string, text: string): string => {
    const file = resolve(path, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return file
  }
  return { path, tarball, write, run }
}
