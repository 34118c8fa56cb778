/**
 * Builds the native hash addon from `native/` and proves it: `npm run native`. With `--install` it
 * is copied to where every installation of this user looks for one. Needs cargo.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync } from 'node:fs'
import { rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chooseEngine } from '../src/hash/engine/active-engine.ts'
import { KernelEngine } from '../src/hash/engine/kernel-engine.ts'
import { addonName, checksumPath, userAddonFolder } from '../src/hash/engine/native/addon-paths.ts'
import { checksumOf } from '../src/hash/engine/native/addon.ts'
import { openFirst } from '../src/hash/engine/native/open-native.ts'
import { SYSTEM } from '../src/platform.ts'

const CRATE = fileURLToPath(new URL('../../native', import.meta.url))

/** Where the addon of this tree lies. */
export const ADDON: string = join(CRATE, addonName(SYSTEM))

export function hasCargo(): boolean {
  const { status, error } = spawnSync('cargo', ['--version'], { stdio: 'ignore' })
  return error === undefined && status === 0
}

/** Builds the addon at the path. Throws, and leaves what was there, if that fails. */
export function buildAddon(path: string): void {
  const target = mkdtempSync(join(tmpdir(), 'dstore-native-'))
  try {
    const args = ['build', '--release', '--locked', '--target-dir', target]
    const { status } = spawnSync('cargo', args, { cwd: CRATE, stdio: ['ignore', 2, 2] })
    if (status !== 0) throw new Error('cargo did not build the addon: see above')
    const library = `libdstore_hash.${SYSTEM.startsWith('darwin') ? 'dylib' : 'so'}`
    const built = join(target, addonName(SYSTEM))
    renameSync(join(target, 'release', library), built)
    writeFileSync(checksumPath(built), `${checksumOf(readFileSync(built))}  ${basename(path)}\n`)
    prove(built)
    place(built, path)
  } finally {
    rmSync(target, { recursive: true, force: true })
  }
}

/** Throws unless the addon passes the test that every process does. */
function prove(path: string): void {
  const { name, refused } = chooseEngine(
    () => new KernelEngine(),
    (proved) => openFirst([path], proved, true),
  )
  if (name !== 'native') throw new Error(refused ?? `the engine in use is ${name}`)
}

/**
 * Copies an addon and its checksum. A process may have loaded the file, so it is replaced by a
 * rename; one that starts between the two renames finds a wrong checksum, and uses the kernel.
 */
export function place(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  for (const name of [(path: string) => path, checksumPath]) {
    copyFileSync(name(from), `${name(to)}.tmp`)
    chmodSync(`${name(to)}.tmp`, 0o644)
    renameSync(`${name(to)}.tmp`, name(to))
  }
}

function main(args: readonly string[]): void {
  const say = (line: string): void => void process.stderr.write(`native: ${line}\n`)
  const unknown = args.find((one) => one !== '--install')
  if (unknown !== undefined) {
    say(`no such argument: ${unknown}; the only one is --install`)
    process.exitCode = 2
    return
  }
  if (!hasCargo()) {
    say('cargo is not installed, so no addon was built; dstore works without one')
    process.exitCode = 1
    return
  }
  try {
    buildAddon(ADDON)
    say(`built and proved ${ADDON}; dstore in this tree uses it from its next start on`)
    if (args.length === 0) return
    const to = join(userAddonFolder(homedir()), addonName(SYSTEM))
    place(ADDON, to)
    say(`installed ${to}; every dstore of this user uses it from its next start on`)
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2))
