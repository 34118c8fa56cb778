/** What a release takes from npm: its own package, Node, and the packages with binaries. */
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { NODE, type Platform } from './platforms.ts'
import { checkIntegrity, filesOf, type PackedFile } from './tarball.ts'

/** The root of the repository. This file runs from `dist/tools/release`. */
export const ROOT: string = join(import.meta.dirname, '../../..')

const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--silent']

/** Runs npm in a folder; returns its output. No package's script runs. */
async function npm(cwd: string, ...parameters: readonly string[]): Promise<string> {
  return (await promisify(execFile)('npm', [...parameters, ...QUIET], { cwd })).stdout
}

/** Gives `use` an empty folder that is gone afterwards. */
export async function inTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'dstore-release-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The package that `npm publish` would send, with the files that were built before. */
export async function ownPackage(): Promise<{ name: string; bytes: Uint8Array }> {
  return inTemporaryFolder(async (folder) => {
    await npm(ROOT, 'pack', '--pack-destination', folder)
    const [name] = await readdir(folder)
    return { name: name!, bytes: await readFile(join(folder, name!)) }
  })
}

/** Node's binary for a platform, and its licence. Throws if its package is not the pinned one. */
export async function nodeBinary(
  platform: Platform,
): Promise<{ binary: Uint8Array; license: Uint8Array }> {
  const name = `node-${platform}@${NODE.version}`
  const files = await inTemporaryFolder(async (folder) => {
    await npm(folder, 'pack', name, '--pack-destination', folder)
    const archive = (await readdir(folder)).find((file) => file.endsWith('.tgz'))
    const bytes = await readFile(join(folder, archive!))
    checkIntegrity(bytes, NODE.integrity[platform], name)
    return filesOf(bytes, (path) => path === 'bin/node' || path === 'LICENSE')
  })
  const bytesOf = (path: string): Uint8Array => {
    const file = files.find((one) => one.path === path)
    if (file === undefined) throw new Error(`${name} has no ${path}`)
    return file.bytes
  }
  return { binary: bytesOf('bin/node'), license: bytesOf('LICENSE') }
}

/**
 * The packages that a production install of the lock file puts into `node_modules` on a platform,
 * without what nothing loads at run time. Paths begin with `node_modules/`.
 */
export async function productionPackages(platform: Platform): Promise<PackedFile[]> {
  const [os, cpu] = platform.split('-') as [string, string]
  return inTemporaryFolder(async (folder) => {
    for (const name of ['package.json', 'package-lock.json']) {
      await copyFile(join(ROOT, name), join(folder, name))
    }
    await npm(folder, 'ci', '--omit=dev', `--os=${os}`, `--cpu=${cpu}`, '--libc=glibc')
    const entries = await readdir(join(folder, 'node_modules'), {
      recursive: true,
      withFileTypes: true,
    })
    const paths = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .filter((path) => isNeeded(path, platform))
    return Promise.all(
      paths.map(async (path) => ({ path, bytes: await readFile(join(folder, path)) })),
    )
  })
}

/** Is a file of `node_modules` loaded at run time on this platform, or a licence? */
export function isNeeded(path: string, platform: Platform): boolean {
  const [, prebuilt = platform] = /\/prebuilds\/([^/]+)\//.exec(path) ?? []
  const [, abi = NODE.abi] = /\.abi(\d+)\./.exec(path) ?? []
  if (prebuilt !== platform || abi !== NODE.abi || /[./-]musl\b/.test(path)) return false
  if (/\/\.[^/]+$/.test(path)) return false
  return isLicense(path) || /\.([cm]?js|json|node|wasm)$/.test(path)
}

/** Is it a file in which a package states its licence? */
export function isLicense(path: string): boolean {
  return /\/(licen[cs]e|copying|notice)[^/]*$/i.test(path)
}
