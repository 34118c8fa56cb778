/** Which doors are open, and where Hugging Face's door reads through (specs/010-doors.md). */
import { DstoreError } from '../../errors.ts'

/** The doors, in the order in which messages list them. */
export const DOOR_NAMES = ['cache', 'hf', 'ipfs', 'dav'] as const

export type DoorName = (typeof DOOR_NAMES)[number]

/** The paths that each serves, with all below them. */
export const DOOR_ROOTS: Readonly<Record<DoorName, readonly string[]>> = {
  cache: ['/cache', '/turbo', '/nx'],
  hf: ['/hf'],
  ipfs: ['/ipfs', '/.well-known/rasl'],
  dav: ['/dav'],
}

/**
 * The flag that opens a door beside those with these roots: the flag names all that are to be open,
 * so that without the others it would close them.
 */
export function flagOpening(door: DoorName, openRoots: readonly string[] = []): string {
  const isWanted = (name: DoorName): boolean =>
    name === door || DOOR_ROOTS[name].some((root) => openRoots.includes(root))
  return `--door ${DOOR_NAMES.filter(isWanted).join(',')}`
}

/** As in `Settings`. */
interface DoorSettings {
  readonly doors?: readonly string[]
  readonly hfUpstream?: string
}

/** Stands for no door, and for no upstream. */
const NONE = 'none'

const isDoor = (name: string): name is DoorName => DOOR_NAMES.includes(name as DoorName)

/** The names in flags: each a list with commas. */
export const doorsIn = (texts: readonly string[]): string[] =>
  texts.flatMap((text) => text.split(','))

/** Throws `usage` for what is no door, or no URL of an upstream. */
export function checkDoors({ doors = [], hfUpstream }: DoorSettings): void {
  const wrong = doors.find((name) => name !== NONE && !isDoor(name))
  if (wrong !== undefined) {
    throw new DstoreError('usage', `no such door: ${wrong}`, {
      hint: `write ${DOOR_NAMES.join(', ')}, several with commas, or none`,
    })
  }
  if (doors.includes(NONE) && doors.length > 1) {
    throw new DstoreError('usage', '--door none is for no door: it goes with no other')
  }
  if (hfUpstream === undefined || hfUpstream === NONE || isUpstream(hfUpstream)) return
  throw new DstoreError('usage', `not the URL of an upstream: ${hfUpstream}`, {
    hint: 'write http:// or https:// and a host, without a password; the token is read from DSTORE_HF_UPSTREAM_TOKEN',
  })
}

function isUpstream(text: string): boolean {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return false
  const { username, password, search, hash } = new URL(text)
  return username + password + search + hash === ''
}

/** Those that apply. Throws `usage` for an upstream that no door uses. */
export function resolveDoors(given: DoorSettings, merged: DoorSettings): DoorSettings {
  const doors = (merged.doors ?? []).filter((name) => name !== NONE)
  const { hfUpstream = NONE } = merged
  const usesUpstream = doors.includes('hf')
  if (!usesUpstream && (given.hfUpstream ?? NONE) !== NONE) {
    throw new DstoreError('usage', '--hf-upstream is for the door hf', { hint: 'add --door hf' })
  }
  return {
    ...(doors.length > 0 && { doors: [...new Set(doors)] }),
    ...(usesUpstream && hfUpstream !== NONE && { hfUpstream }),
  }
}
