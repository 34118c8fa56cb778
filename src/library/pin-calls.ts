/** The calls of the library on pins (specs/007, "Pins"). */
import type { Key } from '../hash/key.ts'
import type { CallOptions, Pin, PinOptions } from '../node/node.ts'

/** Calls on what a Local keeps; at another node they fail with `usage`: it keeps every value. */
export interface PinCalls {
  /**
   * Fetch what a key or a name, and a path below it, stands for, and keep it on this machine until
   * it is unpinned or removed: all of a directory, and what a tag is moved to. Resolves when all of
   * it is here, and the pin outlives the node (where it has a `dir`). A call that fails leaves no
   * new pin. Errors: those of `get`; `no-space` where it does not fit beside the other pins;
   * `too-large`, `unwritable`, `usage`.
   * @example await dstore.pin('models/v1')
   */
  pin(word: Key | string, options?: PinOptions): Promise<Pin>

  /**
   * Let the cache evict what was pinned; resolves to the word as `pins` lists it. Errors:
   * `not-found`, `conflict` (the daemon was started with it), `unwritable`, `usage`.
   * @example await dstore.unpin('models/v1')
   */
  unpin(word: Key | string, options?: CallOptions): Promise<string>

  /**
   * Every pin, by its word. Error: `usage`.
   * @example for await (const pin of dstore.pins()) console.log(pin)
   */
  pins(options?: CallOptions): AsyncIterable<Pin>
}
