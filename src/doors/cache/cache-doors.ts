/** Build caches (specs/010-doors.md, "Rules: build caches"). */
import type { Door } from '../../daemon/http/doors/door.ts'
import { nxDoor } from './nx/nx-door.ts'
import { plainDoor } from './plain/plain-door.ts'
import { turboDoor } from './turbo/turbo-door.ts'

export const cacheDoors = (): readonly Door[] => [plainDoor(), turboDoor, nxDoor]
