/** Operations on bytes that several layers need and the platform lacks. */

/** Below this size, zeroed memory is cheaper than unzeroed memory. */
const UNZEROED_BYTES = 4096

const EMPTY = new Uint8Array(0)

/**
 * An array with arbitrary contents, for callers that overwrite all of it: zeroing a megabyte costs
 * as much as copying it. It is not a Buffer, whose `slice` does not copy.
 */
export function unzeroed(length: number): Uint8Array {
  if (length < UNZEROED_BYTES) return new Uint8Array(length)
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
}

/** The total length of the parts. */
export function bytesIn(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
}

/** All parts in one array. A single part is returned without a copy. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 0) return EMPTY
  if (parts.length === 1) return parts[0]!
  const whole = unzeroed(bytesIn(parts))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.byteLength
  }
  return whole
}

/** All pieces of a stream in one array, for streams that are known to be small. */
export async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const piece of pieces) parts.push(piece)
  return concat(parts)
}

/** The parts of Node's `Readable` that `piecesOf` uses. */
export interface NodeStream {
  readonly errored: Error | null
  readonly readableEnded: boolean
  readonly closed: boolean
  read(): unknown
  on(event: string, listener: (error?: unknown) => void): unknown
  off(event: string, listener: (error?: unknown) => void): unknown
  destroy(): unknown
}

/**
 * The pieces of a Node stream. Unlike the stream's own iterator it passes on what the stream holds
 * when it fails, and then the failure. Destroys the stream when the caller leaves.
 */
export async function* piecesOf(stream: NodeStream): AsyncGenerator<Uint8Array, void, undefined> {
  let wake = (): void => undefined
  let failure: unknown = stream.errored ?? undefined
  let hasEnded = stream.readableEnded
  let isClosed = stream.closed
  const on = (event: string, note: (error?: unknown) => void): (() => void) => {
    const listener = (error?: unknown): void => {
      note(error)
      wake()
    }
    stream.on(event, listener)
    return () => void stream.off(event, listener)
  }
  // Stays to the end: an error that comes late must not end the process.
  on('error', (error) => (failure ??= error))
  const stops = [
    on('readable', () => undefined),
    on('end', () => (hasEnded = true)),
    on('close', () => (isClosed = true)),
  ]
  try {
    for (;;) {
      const piece = stream.read() as Uint8Array | null
      if (piece !== null) yield piece
      else if (hasEnded) return
      else if (failure !== undefined) throw failure
      else if (isClosed) throw new PrematureEnd()
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    for (const stop of stops) stop()
    if (!hasEnded) stream.destroy()
  }
}

/** A stream was closed before its end, without an error. */
class PrematureEnd extends Error {
  readonly code = 'ERR_STREAM_PREMATURE_CLOSE'
  override readonly message = 'the stream was closed before its end'
}

/** A stream of one piece. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes
}

/** A DataView of the same memory. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

/** Are both equal, byte by byte? Not in constant time: never use it for secrets. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false
  for (let i = 0; i < a.byteLength; i++) if (a[i] !== b[i]) return false
  return true
}

/** Lower-case hex. The result is a flat string; joining digits would build a chain of strings. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** The bytes of an even number of hex digits in any case, or undefined for any other string. */
export function fromHex(hex: string): Uint8Array | undefined {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex)) return undefined
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (digitAt(hex, 2 * i) << 4) | digitAt(hex, 2 * i + 1)
  }
  return bytes
}

/** The value of a hex digit. */
function digitAt(hex: string, at: number): number {
  const code = hex.charCodeAt(at)
  return code < 58 ? code - 48 : (code | 32) - 87
}
