/**
 * The bytes of a value that a caller may read at once, later or never. A small one is received at
 * once. A large one waits in its response, which may be closed in favour of another call until it
 * is read; then the value is requested again (R007-115).
 */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { KIB } from '../../limits.ts'
import { pieces } from './response.ts'
import type { DaemonResponse } from './response.ts'

/** The largest part of a value that is received before its caller reads it. */
export const EAGER_BODY_BYTES: number = 64 * KIB

/** `length` bytes, to be read once; `reopen` requests the same bytes again. */
export async function valueBody(
  response: DaemonResponse,
  length: number,
  reopen: () => Promise<DaemonResponse>,
): Promise<AsyncIterable<Uint8Array>> {
  if (length <= EAGER_BODY_BYTES) return received(exactly(length, response))
  const { message } = response
  const slot = response.becomeStream()
  if (slot === undefined) message.destroy()
  else slot.offer(() => message.destroy())
  async function* later(): AsyncGenerator<Uint8Array> {
    const isOpen = slot?.reclaim() === true
    try {
      yield* exactly(length, isOpen ? response : await reopen())
    } catch (error) {
      // It existed when it was asked for.
      if (isOpen || asDstoreError(error).code !== 'not-found') throw error
      throw new DstoreError('removed', 'the value was removed before it was read', { cause: error })
    }
  }
  return returnable(later(), () => message.destroy())
}

/** The same items, received now; an error among them is thrown where it came. */
async function received(items: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const parts: Uint8Array[] = []
  let fault: { readonly error: unknown } | undefined
  try {
    for await (const part of items) parts.push(part)
  } catch (error) {
    fault = { error }
  }
  async function* again(): AsyncGenerator<Uint8Array> {
    yield* parts
    if (fault !== undefined) throw fault.error
  }
  return again()
}

/** The bytes of a response that must have this many. */
async function* exactly(length: number, response: DaemonResponse): AsyncGenerator<Uint8Array> {
  let left = length
  for await (const piece of pieces(response)) {
    left -= piece.byteLength
    yield piece
  }
  if (left === 0) return
  throw new DstoreError('protocol', `the daemon sent ${length - left} bytes of ${length}`)
}

/**
 * The same items. Calls `onReturn` also for a reader that leaves before the first, unlike a
 * generator.
 */
function returnable<T>(items: AsyncGenerator<T>, onReturn: () => void): AsyncIterable<T> {
  const stop = async (): Promise<IteratorResult<T>> => {
    onReturn()
    return items.return(undefined)
  }
  return { [Symbol.asyncIterator]: () => ({ next: () => items.next(), return: stop }) }
}
