/**
 * The binary of `lmdb` in a bundle. By itself `lmdb` starts from the folder of its own files, which
 * a bundle does not have; here it comes from the package of this system, `@lmdb/lmdb-OS-CPU`.
 */
import { requireNative } from '../../native-package.ts'

/** The part of `process` that decides which file fits. */
export interface System {
  readonly platform: string
  readonly arch: string
  readonly versions: { readonly modules: string }
}

/** The exports of the addon. Throws `unreadable` if there is none for this system. */
export function loadLmdbAddon(system: System): unknown {
  const name = `@lmdb/lmdb-${system.platform}-${system.arch}`
  const libc = system.platform === 'linux' ? '.glibc' : ''
  // The package has a faster file for some versions of Node, and one for all others.
  return requireNative(name, [
    `node.abi${system.versions.modules}${libc}.node`,
    `node.napi${libc}.node`,
  ])
}
