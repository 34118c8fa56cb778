/** Entries of build caches: values under tags (specs/010-doors.md, R010-10 to R010-17). */
import { callOptions, bodyOf, type HttpCall } from '../../daemon/http/call.ts'
import { HttpError } from '../../daemon/http/http-error.ts'
import { BYTES_TYPE } from '../../daemon/http/trees/media-types.ts'
import { sendHead, sendValue } from '../../daemon/http/value-handlers.ts'
import { DstoreError, asDstoreError, type ErrorCode } from '../../errors.ts'
import { checkNewName } from '../../index/name.ts'
import type { Key } from '../../hash/key.ts'
import { CACHE_KEEP_MS, VALUE_BYTES } from '../../limits.ts'
import { withKey } from '../../node/calls/resolve-key.ts'
import type { BoundName, PutResult, ValueSource } from '../../node/node.ts'

/** What a write of an entry did. */
export type Written = 'new' | 'replaced' | 'same'

/** The source of a stream. */
type StreamSource = Extract<ValueSource, { readonly bytes: unknown }>

/** The name of an entry: `cache/` and the decoded segments. Throws `usage` if none can be that. */
export const entryName = (...segments: readonly string[]): string =>
  checkNewName(['cache', ...segments].join('/'))

/** The same text, where it is one segment as Turborepo and Nx have them; else throws 400. */
export function checkWord(what: string, text: string): string {
  if (/^[\w.-]{1,128}$/.test(text) && text !== '.' && text !== '..') return text
  throw new HttpError(400, `a ${what} is 1 to 128 letters, digits, points, hyphens and underscores`)
}

/** Responds to GET or HEAD with an entry; throws `not-found` for a miss. */
export function sendEntry(call: HttpCall, name: string, type: string = BYTES_TYPE): Promise<void> {
  const { method } = call.request
  const send = method === 'HEAD' ? sendHead : sendValue
  return withEntry(call, name, (key) => send(call, key, type))
}

/**
 * Calls `use` with the key of an entry. Throws `not-found` for a miss: there is none, or it can be
 * had only from Global, which is away (R010-14).
 */
export async function withEntry<T>(
  call: HttpCall,
  name: string,
  use: (key: Key) => Promise<T>,
): Promise<T> {
  const { node, response } = call
  const canRepeat = (): boolean => !response.headersSent
  const useBytes = (key: Key): Promise<T> => {
    // A directory is no entry: its bytes mean nothing to a tool.
    if (key.kind === 'directory') throw new DstoreError('not-found', `${name} is a directory`)
    return use(key)
  }
  try {
    return await withKey(node, name, callOptions(call), useBytes, canRepeat)
  } catch (error) {
    if (response.headersSent) throw error
    throw asMiss(error, name)
  }
}

/** Facts of an entry; throws `not-found` for a miss. */
export async function entryOf(call: HttpCall, name: string): Promise<BoundName> {
  let found: BoundName | undefined
  try {
    found = await call.node.index.lookup(name, callOptions(call))
  } catch (error) {
    throw asMiss(error, name)
  }
  if (found !== undefined && found.key.kind === 'bytes') return found
  throw new DstoreError('not-found', `no such entry: ${name}`)
}

/** Faults that a tool can do nothing about: it builds what it would have got. */
const MISSES: ReadonlySet<ErrorCode> = new Set(['removed', 'unreachable', 'timeout'])

function asMiss(error: unknown, name: string): unknown {
  const { code, message } = asDstoreError(error)
  if (!MISSES.has(code)) return error
  return new DstoreError('not-found', `cannot be had now: ${name}`, {
    cause: error,
    hint: message,
  })
}

/** What a client may make a write depend on (RFC 9110, 13.1). Ignored, it would lose an entry. */
const CONDITIONS = ['if-match', 'if-none-match', 'if-unmodified-since'] as const

function refuseConditions({ request: { headers } }: HttpCall): void {
  const condition = CONDITIONS.find((one) => headers[one] !== undefined)
  if (condition !== undefined) throw new HttpError(501, `a write takes no ${condition}`)
}

/** The body of a request, to be written as an entry. Throws for one that cannot be. */
export function entryBody(call: HttpCall): StreamSource {
  const { headers } = call.request
  const coding = headers['content-encoding'] ?? 'identity'
  // The bytes would come back without the coding.
  if (coding !== 'identity') throw new HttpError(415, `send the bytes without ${coding}`)
  if (headers['content-range'] !== undefined) throw new HttpError(400, 'send the bytes whole')
  refuseConditions(call)
  const length = headers['content-length']
  const bytes = bodyOf(call)
  if (length === undefined) return { bytes }
  const size = Number(length)
  if (size <= VALUE_BYTES) return { bytes, size }
  throw new DstoreError('too-large', `a value has at most ${VALUE_BYTES} bytes`)
}

/**
 * Throws with Global away, if the client waits to be asked for the body: it need not send one
 * (R010-16).
 */
export async function checkReachable(call: HttpCall, name: string): Promise<void> {
  if (call.request.headers.expect === undefined) return
  await call.node.index.lookup(name, { ...callOptions(call), fresh: true })
}

/**
 * Writes an entry: moves its tag, or binds it. Throws `conflict` for a fixed name, `unreachable`
 * with Global away.
 */
export async function writeEntry(
  call: HttpCall,
  name: string,
  source: StreamSource,
): Promise<Written> {
  const { node } = call
  const options = callOptions(call)
  const naming = { kind: 'tag', keepMs: CACHE_KEEP_MS } as const
  await checkReachable(call, name)
  const before = node.index.lookup(name, { ...options, fresh: true })
  const [isBound, stored] = await Promise.all<[Promise<boolean>, Promise<PutResult>]>([
    before.then(
      (bound) => bound !== undefined,
      () => false,
    ),
    node.put(source, { ...options, name, naming }),
  ])
  if (stored.previous !== undefined) return 'replaced'
  return isBound ? 'same' : 'new'
}

/** Removes an entry. Throws `not-found` if there is none, `not-permitted` for a fixed name. */
export async function removeEntry(call: HttpCall, name: string): Promise<void> {
  refuseConditions(call)
  await call.node.index.unbind(name, callOptions(call))
}
