/** The hash engine on the native addon, with another engine for what that is faster at. */
import { CHUNK_BYTES } from '../../../limits.ts'
import type { Engine } from '../engine.ts'
import type { Addon } from './addon.ts'

/**
 * The smallest subtree, and the smallest group, that the addon hashes (R002-19): below, a call
 * costs more than the faster code saves.
 */
export const NATIVE_BYTES: number = 4 * CHUNK_BYTES

export class NativeEngine implements Engine {
  readonly name = 'native'
  readonly #addon: Addon
  readonly #small: Engine

  constructor(addon: Addon, small: Engine) {
    this.#addon = addon
    this.#small = small
  }

  readonly subtree: Engine['subtree'] = (bytes, chunk, root, out, outOffset) => {
    if (bytes.byteLength >= NATIVE_BYTES && this.#addon.subtree(bytes, chunk, root, out, outOffset))
      return
    this.#small.subtree(bytes, chunk, root, out, outOffset)
  }

  readonly groups: Engine['groups'] = (runs, chunk, groupBytes, out, outOffset) => {
    const [only] = runs
    const isOne = only !== undefined && runs.length === 1
    if (isOne && groupBytes >= NATIVE_BYTES) {
      if (this.#addon.groups(only, chunk, groupBytes, out, outOffset)) return
    }
    this.#small.groups(runs, chunk, groupBytes, out, outOffset)
  }

  readonly parent: Engine['parent'] = (pair, pairOffset, root, out, outOffset) => {
    this.#small.parent(pair, pairOffset, root, out, outOffset)
  }

  parents(pairs: Uint8Array, out: Uint8Array): void {
    this.#small.parents(pairs, out)
  }

  readonly outboard: NonNullable<Engine['outboard']> = (bytes, chunk, root, groupBytes, into) =>
    groupBytes >= NATIVE_BYTES &&
    this.#addon.outboard(bytes, chunk, root, groupBytes, into.outboard, into.cv)
}
