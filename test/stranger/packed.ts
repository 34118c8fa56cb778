/** What a stranger gets: the npm package of this build, or a package that brings its own Node. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Owner } from '../cli/command.ts'
import { ROOT } from '../house/tree.ts'
import type { Machine } from './machine.ts'

/** How a stranger gets dstore, and gets rid of it. */
export interface Package {
  readonly title: string
  readonly needsNode: boolean
  /** Its files, by name, as they are downloaded into the home directory. */
  readonly files: ReadonlyMap<string, Buffer>
  readonly install: string
  readonly uninstall: string
  /** The lines that `install` prints. */
  readonly installOut: readonly RegExp[]
  readonly installErr: readonly RegExp[]
  readonly uninstallOut: readonly RegExp[]
  readonly uninstallErr: readonly RegExp[]
  /** A command that prints the folder of everything installed. */
  readonly installed: string
  /** What the installer leaves: caches and empty folders of its own. */
  readonly leaves: readonly RegExp[]
}

/**
 * The package of `npm`, which is packed of what is built; `self-contained`, which is in `release`;
 * or that of a path: a tarball of npm, or a folder with a self-contained package.
 */
export async function packageFrom(t: Owner, from: string): Promise<Package> {
  if (from === 'npm') return npmPackage(await packed(t))
  if (from === 'self-contained') return selfContainedPackage(join(ROOT, 'release'))
  return from.endsWith('.tgz') ? npmPackage(from) : selfContainedPackage(from)
}

/** The tarball of `npm pack`. */
export async function packed(t: Owner): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'dstore-packed-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const options = ['--ignore-scripts', '--silent', '--pack-destination', folder]
  await promisify(execFile)('npm', ['pack', ...options], { cwd: ROOT })
  const [name] = readdirSync(folder)
  return join(folder, name!)
}

function npmPackage(path: string): Package {
  const name = basename(path)
  return {
    title: 'npm package',
    needsNode: true,
    files: new Map([[name, readFileSync(path)]]),
    install: `npm i -g ./${name}`,
    uninstall: 'npm uninstall -g @dstore/dstore',
    installOut: [
      /^$/,
      /^added \d+ packages? in \d+m?s$/,
      // npm's own, for authors of packages who ask for support.
      /^\d+ packages? (is|are) looking for funding$/,
      /^ {2}run `npm fund` for details$/,
    ],
    installErr: [],
    uninstallOut: [/^$/, /^removed \d+ packages? in \d+m?s$/],
    uninstallErr: [],
    installed: 'echo "$HOME/.npm-global/lib/node_modules"',
    leaves: [
      /^~\/\.npm\/(_cacache|_logs|_update-notifier-last-checked)/,
      // npm leaves the folder of a scope behind, and its own.
      /^~\/\.npm-global\/(bin|lib\/node_modules\/@dstore|share\/man\/man[17])\/$/,
      // npm lets Node 22 and later cache what it compiles. The package with its own Node, which is
      // one of these, shows that dstore does not.
      /\/node-compile-cache\//,
    ],
  }
}

/** The package for this machine in a folder, with the script that installs it. */
function selfContainedPackage(folder: string): Package {
  const names = existsSync(folder) ? readdirSync(folder) : []
  const end = `-linux-${process.arch}.tar.gz`
  const name = names.find((one) => one.startsWith('dstore-') && one.endsWith(end))
  if (name === undefined) {
    throw new Error(`there is no dstore-VERSION${end} in ${folder}: run npm run release:dry`)
  }
  const files = [name, 'SHA256SUMS', 'install.sh']
  return {
    title: 'self-contained package',
    needsNode: false,
    files: new Map(files.map((one) => [one, readFileSync(join(folder, one))])),
    install: 'sh install.sh',
    uninstall: 'sh install.sh --uninstall',
    installOut: [],
    installErr: [/^installed dstore \S+: \S+ \(\d+ MB in \S+\)$/],
    uninstallOut: [],
    uninstallErr: [
      /^removed dstore from \S+$/,
      /^left: \S+ \(\d+ MB\), the values, names and identity of the node$/,
      /^ {2}to remove them as well: rm -r \S+$/,
    ],
    installed: 'echo "$HOME/.local/lib/dstore"',
    leaves: [],
  }
}

/** The folder of npm's programs, as the PATH has it. */
export function folderOfNpm(): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const folder = folders.find((one) => existsSync(join(one, 'npm')))
  return folder === undefined ? [] : [folder]
}

export const folderOfNode = (): string => dirname(realpathSync(process.execPath))

/** Why npm cannot install at this machine, or undefined if it can. */
export async function whyOffline(machine: Machine): Promise<string | undefined> {
  const limits = '--fetch-retries=0 --fetch-timeout=20000'
  const { exit, stderr } = await machine.run(`npm view lmdb version ${limits}`, { online: true })
  if (exit === 0) return undefined
  const code = /code (\S+)/.exec(stderr)?.[1] ?? `exit code ${exit}`
  return `npm's registry cannot be reached (${code})`
}
