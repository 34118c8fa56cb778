/**
 * Packages that bring a binary. A bundler cannot take the binary along, so they are required at run
 * time, when they are first needed: then a bundle works wherever the package can be found, and
 * otherwise fails with a clear reason.
 */
import { createRequire } from 'node:module'
import { DstoreError } from '../errors.ts'
import { whyNotBuilt } from '../platform.ts'

/**
 * The exports of the package, or of the first of these files that it has. Throws `unreadable` if it
 * cannot be loaded.
 */
export function requireNative(name: string, files?: readonly string[]): unknown {
  try {
    const require = createRequire(import.meta.url)
    if (files === undefined) return require(name)
    const paths = files.map((file) => `${name}/${file}`)
    return require(paths.find((path) => canResolve(require, path)) ?? paths[0]!)
  } catch (cause) {
    const hint = whyNotBuilt() ?? (isUnfit(cause) ? UNFIT : MISSING)
    throw new DstoreError('unreadable', `the package ${name} cannot be loaded`, { cause, hint })
  }
}

const MISSING =
  'install dstore with its optional packages; where it is part of a bundle, let the bundler treat ' +
  '@dstore/dstore as external'
const UNFIT = 'dstore runs on Linux with glibc and on macOS, for x64 and arm64'

function canResolve(require: NodeJS.Require, path: string): boolean {
  try {
    require.resolve(path)
    return true
  } catch {
    return false
  }
}

/** Found, but without a binary that this system loads. */
const isUnfit = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && UNFIT_CODES.has(cause.code)

/** The last two are those of `fs-native-extensions`. */
const UNFIT_CODES = new Set<unknown>(['ERR_DLOPEN_FAILED', 'CANNOT_LOAD', 'ADDON_NOT_FOUND'])
