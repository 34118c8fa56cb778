/**
 * The narrow waist of the hash layer: three operations on the BLAKE3 tree. The WebAssembly kernel and the plain
 * TypeScript engine implement them; hashing, outboards and slices are written once, above them
 * (specs/002-verified-values.md, "The tree").
 *
 * A *chaining value* (CV) is the 32 bytes that stand for a subtree. The root's is computed with a flag of its own,
 * and is the digest; so who asks for a CV must know whether it is the root's.
 */
export interface Engine {
  readonly name: EngineName

  /**
   * The CV of the subtree over `bytes`, at most `HASH_WINDOW_BYTES` of them and only the value's last subtree not a
   * power of two of chunks; `chunk` is the index of its first chunk in the value. Written to `out` at `outOffset`.
   */
  subtree(bytes: Uint8Array, chunk: number, root: boolean, out: Uint8Array, outOffset: number): void

  /**
   * The CVs, none of them the root's, of consecutive whole groups of `groupBytes`, at most `HASH_WINDOW_BYTES` of
   * them together, which lie in one run or in several; written to `out` one after the other from `outOffset`.
   */
  groups(
    runs: readonly Uint8Array[],
    chunk: number,
    groupBytes: number,
    out: Uint8Array,
    outOffset: number,
  ): void

  /** The CV of the parent of the two CVs at `pairOffset`. Written to `out` at `outOffset`. */
  parent(
    pair: Uint8Array,
    pairOffset: number,
    root: boolean,
    out: Uint8Array,
    outOffset: number,
  ): void

  /** The CVs of the parents, none of them the root, of consecutive pairs; written to `out` one after the other. */
  parents(pairs: Uint8Array, out: Uint8Array): void
}

/** `wasm-simd`: the kernel. `typescript`: the same in plain TypeScript, some ten times slower. */
export type EngineName = 'wasm-simd' | 'typescript'
