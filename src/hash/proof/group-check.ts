/** Are these groups what their parents say? The one piece of work of a proof that costs something. */
import { CHUNK_BYTES, DIGEST_BYTES, GROUP_BYTES } from '../../limits.ts'
import type { Engine } from '../engine/engine.ts'

/** Hashed at once: so few that they and their copy in the engine's memory stay in the caches of a core. */
const WINDOW_BYTES = 2 * GROUP_BYTES

/** Groups that follow one another. */
export interface ExpectedGroups {
  /** Offset of the first within the value. */
  readonly start: number
  /** Length of the value. */
  readonly size: number
  /** What they must hash to, 32 bytes each; at least as many as there are. */
  readonly expected: Uint8Array
}

/**
 * The offset within the value of the first group that is not what it must be; undefined where all are. `bytes` are whole
 * groups from `start` on, of which the last may be the value's last, and short.
 */
export function wrongGroup(
  bytes: Uint8Array,
  { start, size, expected }: ExpectedGroups,
  engine: Engine,
): number | undefined {
  const cvs = new Uint8Array((WINDOW_BYTES / GROUP_BYTES) * DIGEST_BYTES)
  let at = 0
  do {
    const window = bytes.subarray(at, at + WINDOW_BYTES)
    const groups = hashWindow(window, start + at, size, engine, cvs)
    const first = (at / GROUP_BYTES) * DIGEST_BYTES
    for (let i = 0; i < groups * DIGEST_BYTES; i++) {
      if (cvs[i] === expected[first + i]) continue
      return start + at + Math.floor(i / DIGEST_BYTES) * GROUP_BYTES
    }
    at += window.byteLength
  } while (at < bytes.byteLength)
  return undefined
}

/** Writes the CVs of the groups in a window, and says how many they are. */
function hashWindow(
  window: Uint8Array,
  start: number,
  size: number,
  engine: Engine,
  cvs: Uint8Array,
): number {
  const chunk = start / CHUNK_BYTES
  const isRoot = size <= GROUP_BYTES
  const whole = isRoot ? 0 : Math.floor(window.byteLength / GROUP_BYTES)
  const wholeBytes = whole * GROUP_BYTES
  if (whole > 0) engine.groups([window.subarray(0, wholeBytes)], chunk, GROUP_BYTES, cvs, 0)
  if (wholeBytes === window.byteLength && !isRoot) return whole
  const rest = window.subarray(wholeBytes)
  const at = whole * DIGEST_BYTES
  engine.subtree(rest, chunk + wholeBytes / CHUNK_BYTES, isRoot, cvs, at)
  return whole + 1
}
