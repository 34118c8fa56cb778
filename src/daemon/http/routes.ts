/** The paths and methods of the API, and their handlers (specs/007, "HTTP API"). */
import { statBatch } from './batch-handlers.ts'
import { putAnyBatch } from './names/named-batch.ts'
import { copyValue } from '../delivery/copy-handler.ts'
import { watchChanges } from './changes.ts'
import type { HttpCall } from './call.ts'
import { cancelTransfer, listTransfers, watchEvents } from './events/event-handlers.ts'
import { HttpError } from './http-error.ts'
import { admitMember, expelMember, invite, listMembers } from './member-handlers.ts'
import { metrics } from './metrics.ts'
import { listKeys, listNames, listUsage, storeUse } from './lists/list-handlers.ts'
import { openPath } from './paths/path-handler.ts'
import { makeDirectories, openHold, present, releaseHold } from './trees/hold-handlers.ts'
import { putTree } from './trees/put-handlers.ts'
import { getEntry, headEntry } from './trees/tree-handlers.ts'
import { getHistory, getName, putName, removeName } from './name-handlers.ts'
import {
  getRule,
  listRules,
  removeRule,
  removeUnnamedRule,
  setRule,
  setUnnamedRule,
} from './names/rule-handlers.ts'
import { deletePin, getPin, listPins, putPin } from './pins/pin-handlers.ts'
import { getSet, stepDown } from './set/handlers.ts'
import { getPage, toPage } from './page/page-handlers.ts'
import { endSession, makeCode, openHttp, openSession, whoAmI } from './session/session-handlers.ts'
import { accessOf } from './tokens/route-access.ts'
import { addToken, listTokens, removeToken } from './tokens/token-handlers.ts'
import {
  dropInactive,
  findInactive,
  status,
  stop,
  uploadInactive,
  verify,
} from './node-handlers.ts'
import {
  evictValue,
  getValue,
  headValue,
  prefetchValue,
  putBytes,
  putFile,
  removeValue,
  valueFacts,
} from './value-handlers.ts'

export type Handler = (call: HttpCall) => Promise<void>

export interface Route {
  readonly path: string
  readonly methods: Readonly<Record<string, Handler>>
  /** GET and HEAD reveal only values and their names: `--http-public` opens them. */
  readonly open?: true
}

export const ROUTES: readonly Route[] = [
  { path: '/v1/values', methods: { POST: putBytes, PUT: putBytes } },
  { path: '/v1/files', methods: { POST: putFile } },
  { path: '/v1/batch', methods: { POST: putAnyBatch } },
  { path: '/v1/holds', methods: { POST: openHold } },
  { path: '/v1/holds/{hold}', methods: { DELETE: releaseHold } },
  { path: '/v1/holds/{hold}/present', methods: { POST: present } },
  { path: '/v1/holds/{hold}/directories', methods: { POST: makeDirectories } },
  { path: '/v1/trees', methods: { POST: putTree } },
  { path: '/v1/trees/{word}', methods: { GET: getEntry, HEAD: headEntry }, open: true },
  { path: '/v1/trees/{word}/{rest}', methods: { GET: getEntry, HEAD: headEntry }, open: true },
  { path: '/v1/facts', methods: { POST: statBatch } },
  {
    path: '/v1/values/{key}',
    methods: { GET: getValue, HEAD: headValue, DELETE: removeValue },
    open: true,
  },
  { path: '/v1/values/{key}/facts', methods: { GET: valueFacts }, open: true },
  { path: '/v1/values/{key}/prefetch', methods: { POST: prefetchValue } },
  { path: '/v1/values/{key}/copy', methods: { POST: copyValue } },
  { path: '/v1/values/{key}/path', methods: { POST: openPath } },
  { path: '/v1/values/{key}/evict', methods: { POST: evictValue } },
  { path: '/v1/pins', methods: { GET: listPins } },
  { path: '/v1/pins/{word}', methods: { GET: getPin, PUT: putPin, DELETE: deletePin } },
  { path: '/v1/keys', methods: { GET: listKeys }, open: true },
  { path: '/v1/verify', methods: { POST: verify } },
  { path: '/v1/names', methods: { GET: listNames }, open: true },
  { path: '/v1/usage', methods: { GET: listUsage } },
  { path: '/v1/store', methods: { GET: storeUse } },
  {
    path: '/v1/names/{name}',
    methods: { GET: getName, PUT: putName, DELETE: removeName },
    open: true,
  },
  { path: '/v1/names/{name}/history', methods: { GET: getHistory } },
  { path: '/v1/rules', methods: { GET: listRules } },
  {
    path: '/v1/rules/{prefix}',
    methods: { GET: getRule, PUT: setRule, DELETE: removeRule },
  },
  { path: '/v1/unnamed-rule', methods: { PUT: setUnnamedRule, DELETE: removeUnnamedRule } },
  { path: '/v1/tokens', methods: { GET: listTokens, POST: addToken } },
  { path: '/v1/tokens/{token}', methods: { DELETE: removeToken } },
  { path: '/v1/invitations', methods: { POST: invite } },
  { path: '/v1/members', methods: { GET: listMembers } },
  { path: '/v1/members/{peer}', methods: { PUT: admitMember, DELETE: expelMember } },
  { path: '/v1/changes', methods: { GET: watchChanges } },
  { path: '/v1/events', methods: { GET: watchEvents } },
  { path: '/v1/transfers', methods: { GET: listTransfers } },
  { path: '/v1/transfers/{transfer}', methods: { DELETE: cancelTransfer } },
  { path: '/v1/inactive-store', methods: { DELETE: dropInactive } },
  { path: '/v1/inactive-store/upload', methods: { POST: uploadInactive } },
  { path: '/v1/inactive-store/values/{key}', methods: { GET: findInactive } },
  { path: '/v1/status', methods: { GET: status } },
  { path: '/v1/set', methods: { GET: getSet } },
  { path: '/v1/set/step-down', methods: { POST: stepDown } },
  { path: '/v1/stop', methods: { POST: stop } },
  { path: '/v1/http', methods: { POST: openHttp } },
  { path: '/v1/session/codes', methods: { POST: makeCode } },
  { path: '/v1/session', methods: { GET: whoAmI, POST: openSession, DELETE: endSession } },
  { path: '/metrics', methods: { GET: metrics } },
  { path: '/ui', methods: { GET: toPage, HEAD: toPage } },
  { path: '/ui/{rest}', methods: { GET: getPage, HEAD: getPage } },
]

export interface RouteMatch {
  /** The path of the route, with its parameters' names. */
  readonly route: string
  readonly handler: Handler
  readonly parameters: Readonly<Record<string, string>>
}

/** The handler for a request. Throws 404 for an unknown path, 405 for another method. */
export function findRoute(method: string, path: string): RouteMatch {
  const parts = path.split('/')
  for (const route of ROUTES) {
    const parameters = matchPath(route.path.split('/'), parts)
    if (parameters === undefined) continue
    if (!Object.hasOwn(route.methods, method)) {
      const allowed = Object.keys(route.methods).join(', ')
      throw new HttpError(405, `${path} takes ${allowed}`, { Allow: allowed })
    }
    return { route: route.path, handler: route.methods[method]!, parameters }
  }
  throw new HttpError(404, `no such path: ${path}`, {}, 'usage', hintFor(parts))
}

const TAKE_NAMES: ReadonlySet<string> = new Set(['values', 'names', 'pins'])

/** For a path that goes on after a key or a name: it was probably a name with a slash. */
function hintFor([, version, collection, ...rest]: string[]): string | undefined {
  const takesNames = collection !== undefined && TAKE_NAMES.has(collection)
  if (version !== 'v1' || !takesNames || rest.length < 2) return undefined
  const calls = collection === 'values' ? /^(facts|prefetch|copy|path|evict)$/ : /^history$/
  const name = calls.test(rest.at(-1)!) ? rest.slice(0, -1) : rest
  const path = [collection, name.join('%2F'), ...rest.slice(name.length)].join('/')
  return `write a slash in a name as %2F: /v1/${path}`
}

/** Whether it is a call that needs no token, whatever `--http-public` says. */
export function isFree(path: string, method: string): boolean {
  const parts = path.split('/')
  return FREE_ROUTES.some(({ of, pattern }) => {
    return accessOf(of, method)?.free === true && fits(pattern, parts)
  })
}

const FREE_ROUTES = ROUTES.filter(({ path, methods }) =>
  Object.keys(methods).some((method) => accessOf(path, method)?.free),
).map(({ path }) => ({ of: path, pattern: path.split('/') }))

/** Whether `matchPath` would find parameters; it decodes none of them. */
const fits = (pattern: readonly string[], parts: readonly string[]): boolean =>
  (pattern.at(-1) === REST ? pattern.length <= parts.length : pattern.length === parts.length) &&
  pattern.every((part, at) => part.startsWith('{') || part === parts[at])

/** Whether it is a GET or HEAD of a path where these reveal only values and their names. */
export function isOpen(path: string, method: string): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false
  const parts = path.split('/')
  return ROUTES.some((route) => route.open && matchPath(route.path.split('/'), parts))
}

function matchPath(pattern: string[], parts: string[]): Record<string, string> | undefined {
  const isRest = pattern.at(-1) === REST
  if (isRest ? pattern.length > parts.length : pattern.length !== parts.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [index, expected] of pattern.entries()) {
    if (expected === REST) {
      parameters['rest'] = restOf(parts.slice(index))
      continue
    }
    const part = parts[index]!
    if (!expected.startsWith('{')) {
      if (part !== expected) return undefined
      continue
    }
    parameters[expected.slice(1, -1)] = decoded(part, 'the path')
  }
  return parameters
}

/** The last part of a pattern: one part of the path or more, which are the parameter `rest`. */
const REST = '{rest}'

/** Throws 400 for an encoded slash: no name of an entry has one. */
function restOf(parts: readonly string[]): string {
  const names = parts.map((part) => decoded(part, 'the path'))
  if (names.every((name) => !name.includes('/'))) return names.join('/')
  throw new HttpError(400, 'no name in a directory has a slash')
}

/**
 * The parameters of a query. Throws 400 for one that is there twice, unless it may repeat: which
 * one is meant?
 */
export function parseQuery(
  text: string,
  { mayRepeat = false }: { readonly mayRepeat?: boolean } = {},
): URLSearchParams {
  const query = new URLSearchParams()
  for (const part of text.split('&').filter((one) => one !== '')) {
    const [name = '', ...rest] = part.replaceAll('+', ' ').split('=')
    const key = decoded(name, 'the query')
    if (query.has(key) && !mayRepeat) throw new HttpError(400, `the query has ${key} twice`)
    query.append(key, decoded(rest.join('='), `${key} in the query`))
  }
  return query
}

/** Throws 400 unless `text` is UTF-8, percent-encoded: Node reads other bytes as Latin-1. */
function decoded(text: string, what: string): string {
  try {
    if (/^[ -~]*$/.test(text)) return decodeURIComponent(text)
  } catch {
    // Neither two digits after a %, nor UTF-8.
  }
  throw new HttpError(400, `${what} is not percent-encoded UTF-8`)
}
