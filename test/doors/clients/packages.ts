/** Packages of this repository where a client's folder finds them, as npm would install them. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { run } from './site.ts'

/** Where the clients from npm are installed, each folder with a lock file. */
export const CLIENTS_FOLDER: string = resolve('test/doors/clients')

/** Whether `npm ci` installed the packages of this folder, and this one among them. */
export const isInstalled = (folder: string, name: string): boolean =>
  existsSync(join(CLIENTS_FOLDER, folder, 'node_modules', name, 'package.json'))

/** How to install them. */
export const howToInstall = (folder: string): string =>
  `npm ci --ignore-scripts --prefix test/doors/clients/${folder}`

/**
 * Puts `@dstore/blockstore` as it is packed into the packages of this folder, and a link to the
 * built library, which it needs.
 */
export function installOurs(folder: string): void {
  const ours = join(CLIENTS_FOLDER, folder, 'node_modules', '@dstore')
  rmSync(ours, { recursive: true, force: true })
  mkdirSync(join(ours, 'blockstore'), { recursive: true })
  symlinkSync(resolve('.'), join(ours, 'dstore'))
  const packed = mkdtempSync(join(tmpdir(), 'dstore-packed-'))
  try {
    // `prepack` compiles it.
    run('npm', ['pack', '--silent', '--pack-destination', packed], { cwd: 'packages/blockstore' })
    const [tarball] = readdirSync(packed)
    const words = ['-xzf', join(packed, tarball!), '--strip-components=1']
    run('tar', [...words, '-C', join(ours, 'blockstore')])
  } finally {
    rmSync(packed, { recursive: true, force: true })
  }
}
