/** The headers of Yamux frames: twelve bytes each, before a body that only data frames have. */
import { viewOf } from '../bytes.ts'

export const FRAME_HEADER_BYTES: number = 12

export const FRAME_TYPE = { data: 0, windowUpdate: 1, ping: 2 } as const

export const FRAME_FLAG = { syn: 1, ack: 2, fin: 4, rst: 8 } as const

export interface FrameHeader {
  readonly type: number
  readonly flags: number
  /** 0 for frames of the connection. */
  readonly stream: number
  /** Bytes of the body; in other frames a window, the number of a ping, or a reason. */
  readonly length: number
}

/** Reads the header at the beginning of these bytes. */
export function readHeader(bytes: Uint8Array): FrameHeader {
  const view = viewOf(bytes)
  return {
    type: view.getUint8(1),
    flags: view.getUint16(2),
    stream: view.getUint32(4),
    length: view.getUint32(8),
  }
}

export function writeHeader({ type, flags, stream, length }: FrameHeader): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES)
  const view = viewOf(bytes)
  view.setUint8(1, type)
  view.setUint16(2, flags)
  view.setUint32(4, stream)
  view.setUint32(8, length)
  return bytes
}

/** Finds the headers in the bytes of one direction, wherever these were cut; keeps no body. */
export class FrameHeaders {
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES)
  #headerFilled = 0
  #bodyLeft = 0
  #current: FrameHeader | undefined

  /** The frame whose body has arrived only in part, or not at all. */
  get partial(): FrameHeader | undefined {
    return this.#bodyLeft > 0 ? this.#current : undefined
  }

  /** The headers that are complete with this piece. */
  *take(piece: Uint8Array): Generator<FrameHeader, void, undefined> {
    for (let at = 0; at < piece.byteLength;) {
      if (this.#bodyLeft > 0) {
        const skipped = Math.min(this.#bodyLeft, piece.byteLength - at)
        this.#bodyLeft -= skipped
        at += skipped
        continue
      }
      this.#header[this.#headerFilled++] = piece[at++]!
      if (this.#headerFilled < FRAME_HEADER_BYTES) continue
      this.#headerFilled = 0
      const header = readHeader(this.#header)
      this.#current = header
      if (header.type === FRAME_TYPE.data) this.#bodyLeft = header.length
      yield header
    }
  }
}
