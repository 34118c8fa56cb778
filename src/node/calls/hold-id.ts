/** The ids of holds, as callers write them and as messages have them (specs/008-directories.md). */
import { fromHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { checkNewName } from '../../index/name.ts'
import { HOLD_ID_BYTES } from '../../limits.ts'
import type { HoldId, PutOptions } from '../node.ts'

/** The bytes of an id. Throws `usage` for a text that is none. */
export function holdBytes(hold: HoldId): Uint8Array {
  const bytes = fromHex(hold)
  if (bytes?.byteLength === HOLD_ID_BYTES && hold === hold.toLowerCase()) return bytes
  throw new DstoreError('usage', `a hold is ${2 * HOLD_ID_BYTES} lower-case hex digits`)
}

/** The field of a message that names the hold; none without a hold. */
export const heldUnder = (hold: HoldId | undefined): { hold?: Uint8Array } =>
  hold === undefined ? {} : { hold: holdBytes(hold) }

/** Checks what a put is to be kept by: a new name, a hold, or neither. Throws `usage`. */
export function checkKeeper({ name, hold }: Pick<PutOptions, 'name' | 'hold'>): void {
  if (name !== undefined) checkNewName(name)
  if (hold === undefined) return
  holdBytes(hold)
  if (name !== undefined) throw new DstoreError('usage', 'a put under a hold has no name')
}
