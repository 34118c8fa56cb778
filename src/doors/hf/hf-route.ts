/** What a path of the endpoint asks for (R010-52). */
import { HttpError } from '../../daemon/http/http-error.ts'
import { HF_PATH_BYTES } from '../../limits.ts'
import { decoded } from '../door-path.ts'
import { DEFAULT_REVISION, faultOfId, faultOfRevision, HF_KINDS, SUBPATHS } from './hf-repo.ts'
import type { HfKind, HfRepo } from './hf-repo.ts'
import { noRepo, noRevision } from './hf-error.ts'

/** Undefined stands for a path that is none of the endpoint's. */
export type HfRoute =
  | {
      readonly type: 'info' | 'refs' | 'paths-info' | 'tree' | 'file'
      readonly repo: HfRepo
      readonly revision: string
      /** Of a file or folder in the repository; empty for its root. */
      readonly path: string
    }
  | { readonly type: 'whoami' }
  | { readonly type: 'unknown' }

const UNKNOWN: HfRoute = { type: 'unknown' }

/** Errors: `HfError` for what can be no repository or revision; 400 for a path (R010-5). */
export function routeOf(rest: string): HfRoute {
  const segments = rest.split('/').slice(1)
  if (segments[0] === 'api') return apiRoute(segments.slice(1))
  const kind = kindIn(segments[0])
  const { repo, below } = repoIn(kind ?? 'models', segments.slice(kind === undefined ? 0 : 1))
  if (below[0] !== 'resolve') return UNKNOWN
  const { revision, path } = revisionIn(checked(repo), below.slice(1))
  return path === '' ? UNKNOWN : { type: 'file', repo, revision, path }
}

function apiRoute([first, ...others]: readonly string[]): HfRoute {
  if (first === 'whoami-v2' && others.length === 0) return { type: 'whoami' }
  const kind = kindIn(first)
  if (kind === undefined) return UNKNOWN
  const { repo, below } = repoIn(kind, others)
  if (repo.id === '') return UNKNOWN
  const [verb, ...rest] = below
  if (verb === undefined) {
    return { type: 'info', repo: checked(repo), revision: DEFAULT_REVISION, path: '' }
  }
  if (verb === 'refs' && rest.length === 0) {
    return { type: 'refs', repo: checked(repo), revision: '', path: '' }
  }
  if (verb !== 'revision' && verb !== 'tree' && verb !== 'paths-info') return UNKNOWN
  const { revision, path } = revisionIn(checked(repo), rest)
  if (verb !== 'tree' && path !== '') return UNKNOWN
  return { type: verb === 'revision' ? 'info' : verb, repo, revision, path }
}

const kindIn = (segment: string | undefined): HfKind | undefined =>
  HF_KINDS.find((kind) => kind === segment)

/** An id of two parts, unless the second begins what is behind an id. */
function repoIn(
  kind: HfKind,
  [first = '', ...others]: readonly string[],
): { readonly repo: HfRepo; readonly below: readonly string[] } {
  const [second, ...rest] = others
  if (second === undefined || SUBPATHS.has(second)) {
    return { repo: { kind, id: decoded(first) }, below: others }
  }
  return { repo: { kind, id: `${decoded(first)}/${decoded(second)}` }, below: rest }
}

function checked(repo: HfRepo): HfRepo {
  if (faultOfId(repo.id) === undefined) return repo
  throw noRepo({ ...repo, id: repo.id.slice(0, 200) })
}

/** A revision is one segment; clients send `refs/pr/1` and `refs/convert/NAME` as three, too. */
function revisionIn(
  repo: HfRepo,
  segments: readonly string[],
): { readonly revision: string; readonly path: string } {
  const [first = '', second = ''] = segments
  const isRef = first === 'refs' && (second === 'pr' || second === 'convert')
  const count = isRef ? 3 : 1
  const revision = segments.slice(0, count).map(decoded).join('/')
  if (faultOfRevision(repo, revision) !== undefined) {
    throw noRevision(repo, revision.slice(0, 200).replaceAll(/\p{Cc}/gu, '?'))
  }
  return { revision, path: pathIn(segments.slice(count)) }
}

/** Clients encode the slashes of a folder's path, and not those of a file's. */
const pathIn = (segments: readonly string[]): string => checkedPath(segments.map(decoded).join('/'))

/**
 * The same path without a slash at its end. Throws 400 for one that leads upwards, has empty parts
 * or control characters; 413 for one that is too long.
 */
export function checkedPath(path: string): string {
  const trimmed = path.replace(/\/$/, '')
  if (Buffer.byteLength(trimmed) > HF_PATH_BYTES) {
    throw new HttpError(413, `a path has at most ${HF_PATH_BYTES} bytes`, {}, 'too-large')
  }
  const isSafe = trimmed.split('/').every((part) => !['', '.', '..'].includes(part))
  if (trimmed === '' || (isSafe && !/\p{Cc}/u.test(trimmed))) return trimmed
  throw new HttpError(400, 'a part of the path is empty, `.` or `..`, or has a control character')
}
