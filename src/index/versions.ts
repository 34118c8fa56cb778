/** The versions of the index protocol, and what each has (specs/004-index.md, R004-3). */
import { failure } from './failure.ts'
import type { Body, Failure, Request } from './message.ts'

/** The protocol versions of this implementation, best first. */
export const VERSIONS: readonly number[] = [3, 2, 1]

/** The first version with directories: holds, and what is put under them. */
const DIRECTORIES_SINCE = 2

/** The first version with lists by level or pattern, and with what the store has. */
const LISTS_SINCE = 3

/** The first version with tags and expiry: what a request says of how it binds a name. */
const TAGS_SINCE = 3

/** The first version with rules, and with reports of use. */
const RULES_SINCE = 3

/** The first version with batches of named values. */
const NAMED_BATCHES_SINCE = 3

/** Why a request cannot be sent in a session of this version; undefined if it can. */
export function refusalAt(version: number, request: Request): Failure | undefined {
  if (version < DIRECTORIES_SINCE && isOfTrees(request)) return refusal(version, 'directories')
  if (version < LISTS_SINCE && isOfLists(request)) {
    return refusal(version, 'lists by level or pattern')
  }
  if (version < TAGS_SINCE && isOfTags(request)) return refusal(version, 'tags and expiry of names')
  if (version < RULES_SINCE && isOfRules(request)) return refusal(version, 'rules')
  if (version < NAMED_BATCHES_SINCE && request.type === 'put-batch') {
    return refusal(version, 'batches of values with names')
  }
  return undefined
}

function refusal(version: number, what: string): Failure {
  const why = `Global and this Local have only version ${version} in common, without ${what}`
  return failure('incompatible', why, HINT)
}

/** An answer as a session of this version understands it: earlier ones know no rebind. */
export function answerAt(version: number, body: Body): Body {
  if (version >= TAGS_SINCE || body.type !== 'watched') return body
  const changes = body.changes.map((one) =>
    one.type === 'rebind' ? { ...one, type: 'bind' as const } : one,
  )
  return { ...body, changes }
}

const HINT = 'install the same release of dstore at both: `dstore status` prints what each runs'

const isOfRules = ({ type }: Request): boolean =>
  type === 'set-rule' || type === 'remove-rule' || type === 'rules' || type === 'report-use'

function isOfTags(request: Request): boolean {
  switch (request.type) {
    case 'rebind':
    case 'tag-history':
      return true
    case 'put':
    case 'offer':
    case 'bind':
    case 'commit-tree':
      return request.naming !== undefined
    default:
      return false
  }
}

function isOfTrees(request: Request): boolean {
  switch (request.type) {
    case 'hold':
    case 'present':
    case 'make-directories':
    case 'commit-tree':
      return true
    case 'put':
    case 'offer':
      return request.hold !== undefined
    case 'bind':
      return request.directory === true
    default:
      return false
  }
}

function isOfLists(request: Request): boolean {
  if (request.type === 'contents') return true
  if (request.type !== 'names') return false
  const { delimiter, match, totals } = request
  return delimiter !== undefined || match !== undefined || totals === true
}
