/**
 * Packages that bring a binary. A bundler cannot take the binary along, so they are required at run
 * time, when they are first needed: then a bundle works wherever the package can be found, and
 * otherwise fails with a clear reason.
 */
import { createRequire } from 'node:module'
import { DstoreError } from '../errors.ts'
import { whyNotBuilt } from '../platform.ts'

/** The exports of the package. Throws `unreadable` if it cannot be loaded. */
export function requireNative(name: 'fs-native-extensions' | 'lmdb'): unknown {
  try {
    return createRequire(import.meta.url)(name)
  } catch (cause) {
    const hint =
      whyNotBuilt() ??
      'where dstore is part of a bundle, let the bundler treat @dstore/dstore as external'
    throw new DstoreError('unreadable', `the package ${name} cannot be loaded`, { cause, hint })
  }
}
