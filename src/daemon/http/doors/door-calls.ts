/** Hands requests to doors (specs/010-doors.md, "Rules: doors"). */
import { checkAccess } from '../tokens/route-access.ts'
import type { Caller } from '../tokens/caller.ts'
import { HttpError } from '../http-error.ts'
import { DOOR_NAMES, DOOR_ROOTS, flagOpening } from '../../config/door-settings.ts'
import { doorAt, type Door } from './door.ts'

/** The door for a path, and the path behind its root; undefined: it is no door's. */
export function findDoor(doors: readonly Door[], path: string): ReturnType<typeof doorAt> {
  const found = doorAt(doors, path)
  if (found !== undefined) return found
  const name = DOOR_NAMES.find((one) => doorAt(closedDoors(one), path) !== undefined)
  if (name === undefined) return undefined
  const open = doors.map(({ root }) => root)
  const hint = `start the daemon with ${flagOpening(name, open)}`
  throw new HttpError(404, `the door ${name} is closed`, {}, 'usage', hint)
}

const closedDoors = (name: (typeof DOOR_NAMES)[number]): Door[] =>
  DOOR_ROOTS[name].map((root) => ({ root, methods: {}, handle: () => Promise.resolve() }))

/** Throws 405 for a method that the door does not take, `not-permitted` for a role too low. */
export function checkDoorCall({ methods, root }: Door, method: string, caller: Caller): void {
  const role = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (role === undefined) {
    const allowed = Object.keys(methods).join(', ')
    throw new HttpError(405, `${root} takes ${allowed}`, { Allow: allowed })
  }
  checkAccess(caller, { role, prefixed: true })
}

/** Whether `--http-public` opens this to everybody: a door's reads reveal values and names. */
export const isOpenDoor = (doors: readonly Door[], path: string, method: string): boolean =>
  doorAt(doors, path)?.door.methods[method] === 'reader'
