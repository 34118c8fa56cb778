/** Where the native addon may lie (R002-19). */
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What decides where to look. */
export interface Surroundings {
  /** `DSTORE_NATIVE`: `0` for no addon, or the absolute path of one. */
  readonly choice: string | undefined
  /** Operating system and processor, in Node's words: `linux-x64`. */
  readonly system: string
  /** The home folder of the user, if it has one. */
  readonly home: string | undefined
  /**
   * URL of a module of dstore: the package's root is the folder that holds its `dist`. Undefined
   * where a bundler made CommonJS of it.
   */
  readonly module: string | undefined
}

/** Paths in the order in which they are tried. Throws if `choice` is neither. */
export function addonPaths({
  choice = '',
  system,
  home,
  module = '',
}: Surroundings): readonly string[] {
  if (choice === '0') return []
  if (choice !== '') {
    if (!isAbsolute(choice)) throw new Error('DSTORE_NATIVE is neither 0 nor an absolute path')
    return [choice]
  }
  const name = addonName(system)
  const end = module.startsWith('file:') ? module.lastIndexOf('/dist/') : -1
  const root = end < 0 ? [] : [fileURLToPath(module.slice(0, end))]
  const folders = root.map((folder) => join(folder, 'native'))
  if (home !== undefined) folders.push(userAddonFolder(home))
  return folders.map((folder) => join(folder, name))
}

/** The name of the addon's file. */
export const addonName = (system: string): string => `dstore-hash-${system}.node`

/** The folder of the addon that every installation of this user finds. */
export const userAddonFolder = (home: string): string =>
  join(home, '.local', 'lib', 'dstore-native')

/** Beside each addon: the SHA-256 of its file, as `sha256sum` prints it. */
export const checksumPath = (path: string): string => `${path}.sha256`
