/** A trustless gateway, and RASL (specs/010-doors.md, "Rules: IPFS"). */
import type { Door } from '../../daemon/http/doors/door.ts'
import { HttpError } from '../../daemon/http/http-error.ts'

export function ipfsDoors(): readonly Door[] {
  const handle = (): Promise<void> => Promise.reject(new HttpError(501, 'not built yet'))
  return ['/ipfs', '/.well-known/rasl'].map((root) => ({
    root,
    methods: { GET: 'reader', HEAD: 'reader' },
    handle,
  }))
}
