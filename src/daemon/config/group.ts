/** Groups of the operating system's users. */
import { DstoreError } from '../../errors.ts'

/** What may be a group's name or number; nothing that a command would take for a flag. */
const GROUP = /^[\w.][\w.-]{0,63}$/

/** Refuse what can be no group: `usage`. Whether there is one is known when something is given to it. */
export function checkGroup(group: string): string {
  if (GROUP.test(group)) return group
  throw new DstoreError('usage', `not a group: ${group}`)
}
