/** Bytes that are checked before they are a whole value. */

export interface PiecesCheck {
  /** Takes the next piece. What it throws ends the value. */
  update(piece: Uint8Array): void | Promise<void>
  /** Throws if the pieces are not those that were stated. */
  end(): void
}

/**
 * The same pieces. The last one comes only once all are checked: a reader that has all bytes may
 * look no further, and what fails before that is never a whole value.
 */
export async function* checkedPieces(
  pieces: AsyncIterable<Uint8Array>,
  check: PiecesCheck,
): AsyncGenerator<Uint8Array, void, undefined> {
  let last: Uint8Array | undefined
  for await (const piece of pieces) {
    if (piece.byteLength === 0) continue
    await check.update(piece)
    if (last !== undefined) yield last
    last = piece
  }
  check.end()
  if (last !== undefined) yield last
}
