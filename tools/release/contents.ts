/** What a self-contained package holds: specs/007, "The self-contained package". */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { promisify } from 'node:util'
import { ROOT, isLicense, nodeBinary, productionPackages } from './npm.ts'
import type { Platform } from './platforms.ts'
import { filesOf, type PackedFile } from './tarball.ts'

/** Of the npm package, the library and its types are for programs that have a Node. */
const COMMAND_LINE = /^(package\.json|dist\/(dstore\.js|(chunks|ui)\/.+))$/
const PAGES = /^(LICENSE|README\.md|CHANGELOG\.md|SECURITY\.md)$/

/** The command line and the packages with binaries that it loads: what runs under a Node. */
export async function programFiles(
  ownPackage: Uint8Array,
  platform: Platform,
): Promise<PackedFile[]> {
  const own = await filesOf(ownPackage, (path) => COMMAND_LINE.test(path) || path === 'LICENSE')
  return [...own, ...(await productionPackages(platform))]
}

/** Everything in the folder `dstore-VERSION-PLATFORM`. */
export async function packageFiles(
  ownPackage: Uint8Array,
  platform: Platform,
): Promise<PackedFile[]> {
  const node = await nodeBinary(platform)
  const packages = await productionPackages(platform)
  const own = await filesOf(ownPackage)
  const program = [...own.filter(({ path }) => COMMAND_LINE.test(path)), ...packages]
  const files: PackedFile[] = [
    {
      path: 'bin/dstore',
      bytes: await readFile(join(ROOT, 'packaging/self-contained/dstore')),
      isExecutable: true,
    },
    { path: 'lib/node', bytes: node.binary, isExecutable: true },
    ...program.map((file) => ({ ...file, path: posix.join('lib', file.path) })),
    ...own.filter(({ path }) => PAGES.test(path)),
    ...(await completions()),
    { path: 'licenses/node.txt', bytes: node.license },
    { path: 'licenses/packages.txt', bytes: licensesOf(packages) },
  ]
  const bundled = own.find(({ path }) => path === 'dist/chunks/LICENSES.txt')
  if (bundled === undefined) throw new Error('the bundle has no licences')
  return [...files, { path: 'licenses/bundled.txt', bytes: bundled.bytes }]
}

/** The licences of packages in `node_modules`, each under its name and version. */
export function licensesOf(packages: readonly PackedFile[]): Uint8Array {
  const manifests = packages.filter(({ path }) =>
    /^node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(path),
  )
  const texts = manifests.map(({ path, bytes }) => {
    const folder = posix.dirname(path)
    const { name, version, license } = JSON.parse(Buffer.from(bytes).toString()) as Manifest
    const found = packages.filter(
      (file) => isLicense(file.path) && posix.dirname(file.path) === folder,
    )
    if (found.length === 0 && license === undefined) throw new Error(`${name} states no licence`)
    const text = found.map((file) => Buffer.from(file.bytes).toString().trim()).join('\n\n')
    return `${name} ${version} (${license ?? 'see below'})\n\n${text}`.trim()
  })
  return Buffer.from(`${texts.toSorted().join(`\n\n${'-'.repeat(80)}\n\n`)}\n`)
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
}

/** The scripts that shells load to complete arguments. */
async function completions(): Promise<PackedFile[]> {
  const names = { bash: 'dstore.bash', zsh: '_dstore', fish: 'dstore.fish' }
  return Promise.all(
    Object.entries(names).map(async ([shell, name]) => {
      const command = [join(ROOT, 'dist/dstore.js'), 'completion', shell]
      const { stdout } = await promisify(execFile)(process.execPath, command)
      return { path: `completions/${name}`, bytes: Buffer.from(stdout) }
    }),
  )
}
