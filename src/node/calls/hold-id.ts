/** The ids of holds, as callers write them and as messages have them (specs/008-directories.md). */
import { fromHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import type { Naming } from '../../index/message.ts'
import { checkDigestUse, checkNewName } from '../../index/name.ts'
import { HOLD_ID_BYTES } from '../../limits.ts'
import type { HoldId, PutOptions } from '../node.ts'
import { namingOf } from './names/naming.ts'

/** The bytes of an id. Throws `usage` for a text that is none. */
export function holdBytes(hold: HoldId): Uint8Array {
  const bytes = fromHex(hold)
  if (bytes?.byteLength === HOLD_ID_BYTES && hold === hold.toLowerCase()) return bytes
  throw new DstoreError('usage', `a hold is ${2 * HOLD_ID_BYTES} lower-case hex digits`)
}

/** The field of a message that names the hold; none without a hold. */
export const heldUnder = (hold: HoldId | undefined): { hold?: Uint8Array } =>
  hold === undefined ? {} : { hold: holdBytes(hold) }

/** What keeps a value that is put, as messages say it. */
export const keptAs = ({ name, naming, hold, operation }: NamedPut): KeptAs => ({
  ...(name !== undefined && { name, ...namingOf(naming) }),
  ...(operation && { operation }),
  ...heldUnder(hold),
})

interface KeptAs {
  readonly name?: string
  readonly naming?: Naming
  readonly hold?: Uint8Array
  readonly operation?: Uint8Array
}

/** A put, and the id of its operation if it has a name. */
export interface NamedPut extends PutOptions {
  readonly operation?: Uint8Array
}

type Keeping = Pick<PutOptions, 'name' | 'naming' | 'hold'>

/** Checks what a put is to be kept by: a new name, a hold, or neither. Throws `usage`. */
export function checkKeeper({ name, naming, hold }: Keeping): void {
  if (name !== undefined) checkNewName(name)
  if (name !== undefined) checkDigestUse(name, { tag: naming?.kind === 'tag' })
  if (hold === undefined) return
  holdBytes(hold)
  if (name !== undefined) throw new DstoreError('usage', 'a put under a hold has no name')
}
