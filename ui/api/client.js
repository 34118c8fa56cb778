/**
 * Calls of the daemon's API, with the session's token.
 * @module
 */
import { hearTime } from '../core/clock.js'
import { EventStreamParser, JsonLinesParser } from '../core/event-stream.js'

/**
 * @typedef {import('../core/documents.js').Problem} Problem
 * @typedef {import('../core/event-stream.js').StreamEvent} StreamEvent
 */

const TOKEN = 'dstore-session'
/** Bytes of a document that is read as a whole. */
const MOST_DOCUMENT_BYTES = 32 * 1024 * 1024

/** @type {string | undefined} */
let token
let hasEnded = false
/** @type {() => void} */
let onEnded = () => undefined

/** A refusal or a failure, in the words of the API. */
export class ApiError extends Error {
  /** @param {Problem} problem */
  constructor({ status, code, detail, hint }) {
    super(detail)
    this.status = status
    this.code = code
    this.hint = hint
  }
}

/**
 * The token is kept for this tab, and until it is closed.
 * @param {string | undefined} given
 */
export function setToken(given) {
  token = given
  try {
    if (given === undefined) sessionStorage.removeItem(TOKEN)
    else sessionStorage.setItem(TOKEN, given)
  } catch {
    // Without storage the session ends with the page.
  }
}

/** Whether the tab has a token from before. */
export function recallToken() {
  try {
    token ??= sessionStorage.getItem(TOKEN) ?? undefined
  } catch {
    // Without storage there is none.
  }
  return token !== undefined
}

/**
 * What to do when the daemon no longer knows the session, also if it has said so already.
 * @param {() => void} ended
 */
export function whenEnded(ended) {
  onEnded = ended
  if (hasEnded) ended()
}

/** @returns {Record<string, string>} */
export const authorization = () => (token === undefined ? {} : { Authorization: `Bearer ${token}` })

/**
 * @typedef {object} CallOptions
 * @property {unknown} [json] The document to send.
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal | undefined} [signal]
 */

/**
 * Makes a call, and throws an `ApiError` unless the answer is a success.
 * @param {string} method
 * @param {string} path
 * @param {CallOptions} [options]
 * @returns {Promise<Response>}
 */
export async function call(method, path, { json, headers = {}, signal } = {}) {
  /** @type {Record<string, string>} */
  const type = json === undefined ? {} : { 'Content-Type': 'application/json' }
  let response
  try {
    response = await fetch(path, {
      method,
      headers: { ...authorization(), ...type, ...headers },
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      ...(json !== undefined && { body: JSON.stringify(json) }),
      ...(signal !== undefined && { signal }),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw unreachable()
  }
  hearTime(response.headers.get('date'))
  if (response.ok) return response
  throw await problemIn(response)
}

/**
 * The head of what a path leads to. An answer to HEAD has no body, so a refusal is asked for again
 * by GET, for its words.
 * @param {string} path
 * @param {CallOptions} [options]
 * @returns {Promise<Headers>}
 */
export async function head(path, options) {
  try {
    const response = await call('HEAD', path, options)
    return response.headers
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 0) throw error
    const response = await call('GET', path, options)
    await response.body?.cancel()
    return response.headers
  }
}

export const unreachable = () =>
  new ApiError({
    status: 0,
    code: 'unreachable',
    detail: 'the daemon does not answer',
    hint: 'the page connects again by itself; `dstore status` says whether the daemon runs',
  })

/**
 * The problem of a response. One that says that the session is unknown ends it.
 * @param {Response} response
 * @returns {Promise<ApiError>}
 */
async function problemIn(response) {
  const text = await response.text().catch(() => '')
  return problemOf(response.status, text)
}

/**
 * @param {number} status
 * @param {string} text
 * @returns {ApiError}
 */
export function problemOf(status, text) {
  if (status === 401 && token !== undefined) {
    hasEnded = true
    onEnded()
  }
  return asProblem(status, text)
}

/**
 * @param {number} status
 * @param {string} text
 * @returns {ApiError}
 */
function asProblem(status, text) {
  try {
    const { detail, code, hint } = JSON.parse(text)
    if (typeof detail === 'string' && typeof code === 'string') {
      return new ApiError({ status, code, detail, ...(typeof hint === 'string' && { hint }) })
    }
  } catch {
    // Not a problem document: a proxy may have answered.
  }
  return new ApiError({
    status,
    code: 'protocol',
    detail: `the answer has the status ${status}, and is no problem document`,
  })
}

/**
 * The JSON document that a call answers.
 * @template Result
 * @param {string} method
 * @param {string} path
 * @param {CallOptions} [options]
 * @returns {Promise<Result>}
 */
export async function ask(method, path, options) {
  const response = await call(method, path, options)
  const length = Number(response.headers.get('content-length') ?? 0)
  if (length > MOST_DOCUMENT_BYTES) throw new RangeError('the answer is too large')
  return response.json()
}

/**
 * The text of a response as it comes. A consumer that leaves early cancels the call.
 * @param {Response} response
 * @returns {AsyncGenerator<string, void, undefined>}
 */
async function* pieces(response) {
  if (response.body === null) return
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let isWhole = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      yield value
    }
    isWhole = true
  } finally {
    if (!isWhole) void reader.cancel().catch(() => undefined)
  }
}

/**
 * The lines of a list, at most `limit` of them behind the first `skip`; no more are fetched.
 * @template Line
 * @param {string} path
 * @param {{ skip?: number, limit: number, signal?: AbortSignal | undefined, method?: string,
 *   json?: unknown }} options
 * @returns {Promise<{ lines: Line[], isWhole: boolean }>}
 */
export async function list(path, { skip = 0, limit, signal, method = 'GET', json }) {
  const response = await call(method, path, { signal, ...(json !== undefined && { json }) })
  const parser = new JsonLinesParser()
  /** @type {Line[]} */
  const lines = []
  let seen = 0
  /** @param {unknown[]} documents */
  const take = (documents) => {
    for (const document of documents) {
      if (seen++ >= skip && lines.length < limit) lines.push(/** @type {Line} */ (document))
    }
  }
  for await (const piece of pieces(response)) {
    take(parser.push(piece))
    if (seen > skip + limit) return { lines, isWhole: false }
  }
  take(parser.end())
  return { lines, isWhole: seen <= skip + limit }
}

/**
 * Events of a call with progress: the last one is its result, or thrown.
 * @template Result
 * @param {string} method
 * @param {string} path
 * @param {(event: { doneBytes: number, totalBytes: number | null }) => void} onProgress
 * @param {CallOptions} [options]
 * @returns {Promise<Result>}
 */
export async function follow(method, path, onProgress, options) {
  const response = await call(method, path, options)
  const parser = new JsonLinesParser()
  for await (const piece of pieces(response)) {
    for (const event of /** @type {any[]} */ (parser.push(piece))) {
      if (event.event === 'progress') onProgress(event)
      else if (event.event === 'done') return event.result
      else if (event.event === 'failed') throw new ApiError(event.problem)
    }
  }
  throw new ApiError({ status: 0, code: 'unreachable', detail: 'the answer ended too early' })
}

/**
 * The server-sent events of a call, in groups as they come. `onHead` runs once the daemon has
 * accepted it.
 * @param {string} path
 * @param {{ signal: AbortSignal, onHead: () => void, onAlive: () => void,
 *   onId?: (id: string | undefined) => void }} options
 * @returns {AsyncGenerator<StreamEvent[], void, undefined>}
 */
export async function* events(path, { signal, onHead, onAlive, onId }) {
  const response = await call('GET', path, { signal })
  onHead()
  const parser = new EventStreamParser()
  for await (const piece of pieces(response)) {
    onAlive()
    const group = parser.push(piece)
    onId?.(parser.id)
    if (group.length > 0) yield group
  }
}
