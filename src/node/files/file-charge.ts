/** What a file of the cache costs, in bytes of its file system. */
import { Bitfield } from '../../hash/tree/bitfield.ts'
import { outboardBytes, type ByteRange } from '../../hash/tree/tree.ts'
import { HASH_WINDOW_BYTES, KIB, SEGMENT_BYTES } from '../../limits.ts'

/** File systems give whole blocks. */
const BLOCK_BYTES = 4 * KIB

const inBlocks = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES

/** Cost of a file beside its bytes: its outboard, and an estimate of its names and inodes. */
export const fileBaseBytes = (size: number): number => BLOCK_BYTES + inBlocks(outboardBytes(size))

/** The parts of a file that room was taken for. */
export const noRoom = (size: number): Bitfield => new Bitfield(size, HASH_WINDOW_BYTES)

export const chargeOf = (size: number, room: Bitfield): number =>
  fileBaseBytes(size) + Math.min(inBlocks(size), room.count * HASH_WINDOW_BYTES)

/** Sources send whole segments. */
export const inSegments = ({ start, end }: ByteRange): ByteRange => ({
  start: Math.floor(start / SEGMENT_BYTES) * SEGMENT_BYTES,
  end: Math.ceil(end / SEGMENT_BYTES) * SEGMENT_BYTES,
})

/** The units of room that hold any of these runs. */
export function roomFor(size: number, runs: Iterable<ByteRange>): Bitfield {
  const room = noRoom(size)
  for (const { start, end } of runs) {
    room.setRange({
      start: Math.floor(start / HASH_WINDOW_BYTES) * HASH_WINDOW_BYTES,
      end: Math.ceil(end / HASH_WINDOW_BYTES) * HASH_WINDOW_BYTES,
    })
  }
  return room
}
