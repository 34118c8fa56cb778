/** The remote cache of Turborepo (specs/010-doors.md, "Rules: Turborepo and Nx"). */
import { dropBody, readJson, sendJson } from '../../../daemon/http/call.ts'
import type { Door, DoorCall } from '../../../daemon/http/doors/door.ts'
import { HttpError } from '../../../daemon/http/http-error.ts'
import { asDstoreError } from '../../../errors.ts'
import { HTTP_JSON_BYTES, TURBO_QUERY_HASHES } from '../../../limits.ts'
import { segmentsOf } from '../../door-path.ts'
import { artifactName, readFacts, sendArtifact, writeArtifact } from './artifacts.ts'

/** How many artifacts a query looks at at a time. */
const LOOKS = 16

export const turboDoor: Door = {
  root: '/turbo',
  methods: { GET: 'reader', HEAD: 'reader', POST: 'reader', PUT: 'writer' },
  handle,
  // Of a 403, Turborepo prints this, and without it that the answer cannot be parsed.
  errorMembers(error) {
    const { code, message } = asDstoreError(error)
    return { error: { code, message } }
  },
}

async function handle(call: DoorCall): Promise<void> {
  const [version, artifacts, word, ...others] = segmentsOf(call.rest)
  const isKnown = version === 'v8' && artifacts === 'artifacts' && others.length === 0
  const { method } = call.request
  if (isKnown && method === 'POST' && word === undefined) return query(call)
  if (isKnown && method === 'POST' && word === 'events') return ignoreEvents(call)
  if (!isKnown || method === 'POST' || word === undefined) {
    throw new HttpError(404, 'no such path of Turborepo: it begins with /turbo/v8/artifacts')
  }
  if (word === 'status' && method !== 'PUT') return sendJson(call, 200, { status: 'enabled' })
  const name = artifactName(call, word)
  if (method !== 'PUT') return sendArtifact(call, name)
  await writeArtifact(call, name)
  sendJson(call, 202, { urls: [`/turbo/v8/artifacts/${word}`] })
}

/** Turborepo tells what it hit and missed; nothing is kept of it. */
async function ignoreEvents(call: DoorCall): Promise<void> {
  await dropBody(call, HTTP_JSON_BYTES)
  sendJson(call, 200, {})
}

/** What each of these artifacts is; null for one that is not there. */
async function query(call: DoorCall): Promise<void> {
  const { hashes } = await readJson(call)
  const isList = Array.isArray(hashes) && hashes.every((one) => typeof one === 'string')
  if (!isList || hashes.length > TURBO_QUERY_HASHES) {
    throw new HttpError(400, `hashes is a list of at most ${TURBO_QUERY_HASHES} texts`)
  }
  const names = hashes.map((hash: string) => [hash, artifactName(call, hash)] as const)
  const found = new Map<string, object | null>()
  const left = names.values()
  const look = async (): Promise<void> => {
    for (const [hash, name] of left) found.set(hash, await factsOrNull(call, name))
  }
  await Promise.all(Array.from({ length: LOOKS }, look))
  const entries = names.map(([hash]) => [hash, found.get(hash)] as const)
  sendJson(call, 200, Object.fromEntries(entries))
}

async function factsOrNull(call: DoorCall, name: string): Promise<object | null> {
  try {
    const { facts, size } = await readFacts(call, name)
    const { duration = '0', tag } = facts
    return { size, taskDurationMs: Number(duration), ...(tag !== undefined && { tag }) }
  } catch (error) {
    if (asDstoreError(error).code === 'not-found') return null
    throw error
  }
}
