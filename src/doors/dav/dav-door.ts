/** WebDAV and pages to browse, read-only (specs/010-doors.md, "Rules: browse and mount"). */
import type { Door } from '../../daemon/http/doors/door.ts'
import { HttpError } from '../../daemon/http/http-error.ts'

export function davDoors(): readonly Door[] {
  const handle = (): Promise<void> => Promise.reject(new HttpError(501, 'not built yet'))
  return ['/dav'].map((root) => ({ root, methods: { GET: 'reader', HEAD: 'reader' }, handle }))
}
