/** What a Local is started with to keep (specs/007, R007-377). */
import { DstoreError } from '../../errors.ts'
import type { Role } from '../../node/node.ts'

interface PinSettings {
  readonly role?: Role
  readonly pins?: readonly string[]
}

/** Stands for no pin: it ends those that were saved. */
const NO_PIN = 'none'

/** Throws `usage` for an empty pin, and for `none` beside others. */
export function checkPins(pins: readonly string[] = []): void {
  if (pins.includes('')) throw new DstoreError('usage', '--pin takes a key or a name')
  if (pins.length < 2 || !pins.includes(NO_PIN)) return
  throw new DstoreError('usage', '--pin none is for no pin: it goes with no other')
}

/** The pins that apply to the role. Throws `usage` where they are given to one without a cache. */
export function resolvePins(
  given: PinSettings,
  { role, pins = [] }: PinSettings,
): Pick<PinSettings, 'pins'> {
  const [first] = pins
  if (first === undefined || first === NO_PIN) return {}
  if (role === 'local') return { pins }
  if (given.pins === undefined) return {}
  throw new DstoreError('usage', '--pin is for a Local: other nodes keep every value', {
    hint: 'add --join',
  })
}
