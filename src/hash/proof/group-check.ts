/** Verifies groups against their chaining values: nearly all of the cost of a proof. */
import { CHUNK_BYTES, DIGEST_BYTES, GROUP_BYTES } from '../../limits.ts'
import type { Engine } from '../engine/engine.ts'

/** Hashed at once: small enough to stay, with the engine's copy, in the caches of a core. */
const WINDOW_BYTES = 2 * GROUP_BYTES

/** Consecutive groups. */
export interface ExpectedGroups {
  /** Offset of the first within the value. */
  readonly start: number
  /** Length of the value. */
  readonly size: number
  /** Their chaining values, 32 bytes each; there may be more. */
  readonly expected: Uint8Array
}

/** Verifies groups, on another thread for instance. */
export interface GroupChecker {
  /**
   * Verifies `length` bytes of groups at `at`. Takes over the whole buffer of `memory`, and returns
   * it with the result. Rejects with `integrity`.
   */
  check(memory: Uint8Array, at: number, length: number, groups: ExpectedGroups): Promise<Uint8Array>
}

/**
 * The offset within the value of the first wrong group; undefined if all are right. `bytes` are
 * whole groups from `start` on; only the value's last group may be short.
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

/** Writes the CVs of the groups in a window; returns their number. */
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
