/** The endpoint of Hugging Face's clients (specs/010-doors.md, "Rules: Hugging Face"). */
import type { Door } from '../../daemon/http/doors/door.ts'
import { HttpError } from '../../daemon/http/http-error.ts'

export function hfDoors(): readonly Door[] {
  const handle = (): Promise<void> => Promise.reject(new HttpError(501, 'not built yet'))
  return ['/hf'].map((root) => ({ root, methods: { GET: 'reader', HEAD: 'reader' }, handle }))
}
