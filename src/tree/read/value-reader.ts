/** Where the values of a tree are read from: a node, or a client that has faster ways for some. */
import type { Key } from '../../hash/key.ts'
import type { CallOptions, GetOptions } from '../../node/node.ts'

/** An open, empty file for one value. */
export interface OpenFile {
  readonly fd: number
  /** Leads to it, in this process. */
  readonly path: string
}

/** A `Node` is one. Errors of every call: those of `Node.get`. */
export interface ValueReader {
  /** A value, or a range of it, as verified bytes in order. */
  get(
    key: Key,
    options?: GetOptions,
  ): Promise<{ readonly size: number; readonly bytes: AsyncIterable<Uint8Array> }>

  /** A small value of `size` bytes, whole; undefined if `get` must read it. */
  getSmall?(key: Key, size: number): Promise<Uint8Array | undefined>

  /** Has the node write a value of `size` bytes to the file; false if it wrote nothing. */
  copy?(key: Key, size: number, file: OpenFile, options?: CallOptions): Promise<boolean>
}
