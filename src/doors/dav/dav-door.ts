/** WebDAV and pages to browse, read-only (specs/010-doors.md, "Rules: browse and mount"). */
import type { Door, DoorCall } from '../../daemon/http/doors/door.ts'
import { ROOT } from './folder.ts'
import { propfind } from './propfind.ts'
import { read } from './read.ts'

const METHODS: Readonly<Record<string, (call: DoorCall) => Promise<void>>> = {
  OPTIONS: options,
  GET: read,
  HEAD: read,
  PROPFIND: propfind,
}

export function davDoors(): readonly Door[] {
  const methods = Object.fromEntries(
    Object.keys(METHODS).map((method) => [method, 'reader' as const]),
  )
  return [{ root: ROOT, methods, handle: (call) => METHODS[call.request.method ?? '']!(call) }]
}

/** The same for every path: nothing is looked up. */
// eslint-disable-next-line @typescript-eslint/require-await
async function options({ response }: DoorCall): Promise<void> {
  response.writeHead(200, {
    DAV: '1',
    Allow: Object.keys(METHODS).join(', '),
    'Content-Length': 0,
  })
  response.end()
}
