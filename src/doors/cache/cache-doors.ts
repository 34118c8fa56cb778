/** Build caches (specs/010-doors.md, "Rules: build caches"). */
import type { Door } from '../../daemon/http/doors/door.ts'
import { HttpError } from '../../daemon/http/http-error.ts'
import { plainDoor } from './plain/plain-door.ts'

export function cacheDoors(): readonly Door[] {
  const handle = (): Promise<void> => Promise.reject(new HttpError(501, 'not built yet'))
  const later = ['/turbo', '/nx'].map((root): Door => ({
    root,
    methods: { GET: 'reader', HEAD: 'reader' },
    handle,
  }))
  return [plainDoor(), ...later]
}
