/**
 * The operations on the BLAKE3 tree that hashing, outboards and proofs are built on
 * (specs/002-verified-values.md, "The tree"). A native addon, the WebAssembly kernel and
 * plain TypeScript implement them.
 *
 * A *chaining value* (CV) is the 32 bytes that represent a subtree. The root's is computed with a
 * separate flag, and is the digest: callers must know whether they ask for the root's.
 */
export interface Engine {
  readonly name: EngineName

  /**
   * The engine's own memory for input, `HASH_WINDOW_BYTES` long, if it has one: `subtree` and
   * `groups` take bytes that begin there without a copy. A call leaves in it what it hashed, except
   * that `subtree` moves input that lies elsewhere to its start.
   */
  readonly window?: Uint8Array

  /**
   * Writes the CV of the subtree over `bytes` to `out` at `outOffset`. At most `HASH_WINDOW_BYTES`,
   * a power of two of chunks except for the value's last subtree; `chunk` is the index of its first
   * chunk in the value.
   */
  subtree(bytes: Uint8Array, chunk: number, root: boolean, out: Uint8Array, outOffset: number): void

  /**
   * Writes the CVs, none of them the root's, of consecutive whole groups of `groupBytes` to `out`,
   * one after another from `outOffset`. The groups, at most `HASH_WINDOW_BYTES`, lie in one or more
   * runs.
   */
  groups(
    runs: readonly Uint8Array[],
    chunk: number,
    groupBytes: number,
    out: Uint8Array,
    outOffset: number,
  ): void

  /** Writes the CV of the parent of the two CVs at `pairOffset` to `out` at `outOffset`. */
  parent(
    pair: Uint8Array,
    pairOffset: number,
    root: boolean,
    out: Uint8Array,
    outOffset: number,
  ): void

  /** Writes the CVs of the parents, none of them the root, of consecutive pairs to `out`. */
  parents(pairs: Uint8Array, out: Uint8Array): void

  /**
   * All of the above in one call, in engines that have it: writes the CV of a subtree of two groups
   * or more, of any length, and the pairs of its parents in pre-order, into the caller's arrays.
   * False if it cannot: then nothing was written.
   */
  readonly outboard?: (
    bytes: Uint8Array,
    chunk: number,
    root: boolean,
    groupBytes: number,
    into: { readonly cv: Uint8Array; readonly outboard: Uint8Array },
  ) => boolean
}

/**
 * `native`: the addon, where a user built it. `wasm-simd`: the kernel. `typescript`: plain
 * TypeScript, about ten times slower than the kernel.
 */
export type EngineName = 'native' | 'wasm-simd' | 'typescript'
