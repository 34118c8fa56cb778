/** Sources as programs have them, made into what a node takes. */
import { resolve } from 'node:path'
import { once } from '../bytes.ts'
import { untilAborted } from '../deadline.ts'
import type { ValueSource } from '../node/node.ts'
import type { Source } from './dstore.ts'

/** A source that is being read. What it throws is the program's own, and reaches the program as it is. */
export interface Reading {
  readonly source: ValueSource
  /** What the source threw, if it did. */
  readonly thrown: () => { readonly error: unknown } | undefined
}

/** TypeError where it is no source. The signal ends the waiting also for a source that gives nothing. */
export function readSource(source: Source, signal?: AbortSignal): Reading {
  const path = pathOf(source)
  if (path !== undefined) return { source: { path: resolve(path) }, thrown: () => undefined }
  const { pieces, size } = opened(source)
  let thrown: { readonly error: unknown } | undefined
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of signal === undefined ? pieces : untilOver(pieces, signal)) {
        if (!(piece instanceof Uint8Array)) throw new TypeError('source must give Uint8Arrays')
        yield piece
      }
    } catch (error) {
      if (signal?.aborted !== true) thrown = { error }
      throw error
    }
  }
  return { source: { bytes: bytes(), ...(size !== undefined && { size }) }, thrown: () => thrown }
}

/** Text as UTF-8, bytes as they are; else TypeError. */
export function bytesOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return encoder.encode(value)
  if (value instanceof Uint8Array) return value
  throw new TypeError('values must be texts or Uint8Arrays')
}

const encoder = new TextEncoder()

function pathOf(source: Source): string | undefined {
  if (typeof source !== 'object' || source === null || !('path' in source)) return undefined
  // A stream of a file has a path, too, and is read as a stream.
  if (Symbol.asyncIterator in source) return undefined
  if (typeof source.path !== 'string') throw new TypeError('source.path must be a string')
  return source.path
}

function opened(source: Source): { pieces: AsyncIterable<unknown>; size?: number } {
  if (typeof source === 'string' || source instanceof Uint8Array) {
    const bytes = bytesOf(source)
    return { pieces: once(bytes), size: bytes.byteLength }
  }
  if (source instanceof Blob) return { pieces: source.stream(), size: source.size }
  if (typeof source === 'object' && source !== null && Symbol.asyncIterator in source) {
    return { pieces: source }
  }
  throw new TypeError('source must be text, bytes, a blob, a stream of bytes, or { path }')
}

/** Every item, unless the signal is aborted first: then its reason, however long the next item takes. */
async function* untilOver<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]()
  let isOver = false
  try {
    for (;;) {
      const next = await untilAborted(iterator.next(), signal)
      isOver = next.done === true
      if (next.done === true) return
      yield next.value
    }
  } finally {
    // Not waited for: a generator that hangs would not be left before it goes on.
    if (!isOver) iterator.return?.()?.then(undefined, () => undefined)
  }
}
