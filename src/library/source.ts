/** Converts the sources of programs to those of a node. */
import { once } from '../bytes.ts'
import { eachUntilAborted } from '../deadline.ts'
import { absolutePath } from '../daemon/config/working-directory.ts'
import type { ValueSource } from '../node/node.ts'
import type { Source } from './dstore.ts'

/**
 * A source in use. An error that it throws is the program's, which `put` rejects with unchanged.
 */
export interface Reading {
  readonly source: ValueSource
  /** The error that the source threw, if any. */
  readonly thrown: () => { readonly error: unknown } | undefined
}

/** TypeError for anything but a source. The signal also ends the wait for a source that stalls. */
export function readSource(source: Source, signal?: AbortSignal): Reading {
  const path = pathOf(source)
  if (path !== undefined) return { source: { path }, thrown: () => undefined }
  const { pieces, size } = streamOf(source)
  let thrown: { readonly error: unknown } | undefined
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of signal === undefined ? pieces : eachUntilAborted(pieces, signal)) {
        if (!(piece instanceof Uint8Array)) throw new TypeError('source must yield Uint8Arrays')
        yield piece
      }
    } catch (error) {
      thrown = { error }
      throw error
    }
  }
  return { source: { bytes: bytes(), ...(size !== undefined && { size }) }, thrown: () => thrown }
}

/** Bytes, or a string as UTF-8; else TypeError. */
export function bytesOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return encoder.encode(value)
  if (value instanceof Uint8Array) return value
  throw new TypeError('values must be strings or Uint8Arrays')
}

const encoder = new TextEncoder()

function pathOf(source: Source): string | undefined {
  if (typeof source !== 'object' || source === null || !('path' in source)) return undefined
  // A stream of Node's of a file has a path, too, but is read as a stream.
  if (Symbol.asyncIterator in source) return undefined
  if (typeof source.path !== 'string') throw new TypeError('source.path must be a string')
  return absolutePath(source.path, 'source.path')
}

function streamOf(source: Source): { pieces: AsyncIterable<unknown>; size?: number } {
  if (typeof source === 'string' || source instanceof Uint8Array) {
    const bytes = bytesOf(source)
    return { pieces: once(bytes), size: bytes.byteLength }
  }
  if (source instanceof Blob) return { pieces: source.stream(), size: source.size }
  if (typeof source === 'object' && source !== null && Symbol.asyncIterator in source) {
    return { pieces: source }
  }
  throw new TypeError('source must be a string, bytes, a blob, a stream of bytes, or { path }')
}
