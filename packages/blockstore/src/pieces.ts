/** Pieces of a block: gathered where it is small, and joined to larger ones. */

/** Passes the pieces on, as the stream that dstore takes. */
export async function* piecesOf(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* pieces
}

/** The whole of a block up to `most` bytes; else its pieces, those that were read and the rest. */
export async function gathered(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  most: number,
): Promise<{ readonly bytes: Uint8Array } | { readonly pieces: AsyncIterable<Uint8Array> }> {
  const pieces = piecesOf(source)
  const parts: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await pieces.next()
    if (done === true) break
    // A source may reuse its memory for the next piece.
    parts.push(new Uint8Array(value))
    length += value.byteLength
    if (length > most) return { pieces: following(parts, pieces) }
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return { bytes }
}

async function* following(
  parts: readonly Uint8Array[],
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* parts
  yield* pieces
}

/** Pieces of `length` bytes, and a last one that may be shorter. */
export async function* largePieces(
  source: AsyncIterable<Uint8Array> & { readonly size: number },
  length: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = source.size
  let piece = new Uint8Array(Math.min(length, left))
  let filled = 0
  for await (const part of source) {
    for (let at = 0; at < part.byteLength;) {
      const next = part.subarray(at, at + piece.byteLength - filled)
      piece.set(next, filled)
      filled += next.byteLength
      at += next.byteLength
      if (filled < piece.byteLength) continue
      yield piece
      left -= filled
      filled = 0
      piece = new Uint8Array(Math.min(length, left))
    }
  }
}
