/** Build caches (specs/010-doors.md, "Rules: build caches"). */
import type { Door } from '../../daemon/http/doors/door.ts'
import { HttpError } from '../../daemon/http/http-error.ts'
import { nxDoor } from './nx/nx-door.ts'
import { turboDoor } from './turbo/turbo-door.ts'

export function cacheDoors(): readonly Door[] {
  const handle = (): Promise<void> => Promise.reject(new HttpError(501, 'not built yet'))
  const plain: Door = { root: '/cache', methods: { GET: 'reader', HEAD: 'reader' }, handle }
  return [plain, turboDoor, nxDoor]
}
