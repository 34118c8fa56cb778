/** A value that `get` found, and the ways to read its bytes. */
import { DstoreError } from '../errors.ts'
import type { Key } from '../hash/key.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import { showAs } from '../inspect.ts'
import type { CallOptions, ReadableValue } from '../node/node.ts'
import { eachCancellable } from './calls.ts'
import type { Value } from './dstore.ts'

export class FoundValue implements Value {
  readonly key: Key
  readonly size: number
  readonly range: ByteRange
  readonly #bytes: AsyncIterable<Uint8Array>
  readonly #options: CallOptions
  #taken: AsyncIterator<Uint8Array> | undefined

  constructor({ key, size, range, bytes }: ReadableValue, options: CallOptions) {
    this.key = key
    this.size = size
    this.range = range
    this.#bytes = bytes
    this.#options = options
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return owned(this.#pieces())
  }

  async bytes(): Promise<Uint8Array> {
    const whole = new Uint8Array(this.range.end - this.range.start)
    let at = 0
    for await (const piece of this.#pieces()) {
      whole.set(piece, at)
      at += piece.byteLength
    }
    return whole
  }

  async text(): Promise<string> {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(await this.bytes())
  }

  stream(): ReadableStream<Uint8Array> {
    return ReadableStream.from(this)
  }

  async cancel(): Promise<void> {
    this.#taken ??= this.#bytes[Symbol.asyncIterator]()
    await this.#taken.return?.()
  }

  #pieces(): AsyncGenerator<Uint8Array> {
    if (this.#taken !== undefined)
      throw new TypeError('a value can be read only once: call get again')
    this.#taken = this.#bytes[Symbol.asyncIterator]()
    return this.#read({ [Symbol.asyncIterator]: () => this.#taken! })
  }

  async *#read(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { signal, onProgress } = this.#options
    const totalBytes = this.range.end - this.range.start
    let doneBytes = 0
    for await (const piece of eachCancellable(signal, bytes)) {
      doneBytes += piece.byteLength
      onProgress?.({ phase: 'fetch', doneBytes, totalBytes })
      yield piece
    }
    if (doneBytes !== totalBytes) {
      throw new DstoreError('internal', `a value ended after ${doneBytes} of ${totalBytes} bytes`)
    }
  }
}

showAs('Value', ['key', 'size', 'range'], FoundValue.prototype)

/** Copies, which a program may keep: the node reuses the memory of its pieces. */
async function* owned(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield new Uint8Array(piece)
}
