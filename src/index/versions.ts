/** The versions of the index protocol, and what each has (specs/004-index.md, R004-3). */
import { failure } from './failure.ts'
import type { Failure, Request } from './message.ts'

/** The protocol versions of this implementation, best first. */
export const VERSIONS: readonly number[] = [3, 2, 1]

/** The first version with directories: holds, and what is put under them. */
const DIRECTORIES_SINCE = 2

/** The first version with rules, and with reports of use. */
const RULES_SINCE = 3

/** Why a request cannot be sent in a session of this version; undefined if it can. */
export function refusalAt(version: number, request: Request): Failure | undefined {
  const lacks =
    version < DIRECTORIES_SINCE && isOfTrees(request)
      ? 'directories'
      : version < RULES_SINCE && isOfRules(request)
        ? 'rules'
        : undefined
  if (lacks === undefined) return undefined
  const why = `Global and this Local have only version ${version} in common, without ${lacks}`
  return failure('incompatible', why, HINT)
}

const isOfRules = ({ type }: Request): boolean =>
  type === 'set-rule' || type === 'remove-rule' || type === 'rules' || type === 'report-use'

const HINT = 'install the same release of dstore at both: `dstore status` prints what each runs'

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
