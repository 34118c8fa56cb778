/** A self-hosted remote cache of Nx (specs/010-doors.md, "Rules: Turborepo and Nx"). */
import { bodyOf, callOptions } from '../../../daemon/http/call.ts'
import type { Door, DoorCall } from '../../../daemon/http/doors/door.ts'
import { HttpError } from '../../../daemon/http/http-error.ts'
import { asDstoreError } from '../../../errors.ts'
import { segmentsOf } from '../../door-path.ts'
import { checkReachable, checkWord, entryBody, entryName, sendEntry } from '../entries.ts'

export const nxDoor: Door = {
  root: '/nx',
  methods: { GET: 'reader', HEAD: 'reader', PUT: 'writer' },
  handle,
}

/** What Nx's own servers answer to a second PUT. */
const BOUND = 'Cannot override an existing record'

async function handle(call: DoorCall): Promise<void> {
  const [version, cache, hash, ...others] = segmentsOf(call.rest)
  const isKnown = version === 'v1' && cache === 'cache' && others.length === 0
  if (!isKnown || hash === undefined) {
    throw new HttpError(404, 'no such path of Nx: it has /nx/v1/cache/HASH')
  }
  const name = entryName('nx', checkWord('hash', hash))
  if (call.request.method !== 'PUT') return sendOrMiss(call, name)
  await writeOnce(call, name)
  call.response.writeHead(200, { 'Content-Length': 0 })
  call.response.end()
}

async function sendOrMiss(call: DoorCall, name: string): Promise<void> {
  try {
    await sendEntry(call, name)
  } catch (error) {
    throw call.response.headersSent ? error : bearable(error, 404)
  }
}

/** Binds a fixed name: which of two writers was first is decided where names are bound. */
async function writeOnce(call: DoorCall, name: string): Promise<void> {
  try {
    const source = entryBody(call)
    await checkReachable(call, name)
    await call.node.put(source, { ...callOptions(call), name })
  } catch (error) {
    const { complete, headers, readableDidRead } = call.request
    // The client reads an answer only after it has sent all of its body, unless it waits for one.
    const isSending = !complete && (headers.expect === undefined || readableDidRead)
    if (isSending) for await (const _ of bodyOf(call)) continue
    const { code, message } = asDstoreError(error)
    throw code === 'conflict' ? new HttpError(409, BOUND, {}, code, message) : bearable(error, 403)
  }
}

/**
 * Nx goes on without a cache only at a few statuses: at others, such as those of a store that is
 * full or away, it fails the build. The problem says what the fault is.
 */
function bearable(error: unknown, status: number): unknown {
  if (error instanceof HttpError) return error
  const { code, message, hint } = asDstoreError(error)
  return new HttpError(status, message, {}, code, hint)
}
