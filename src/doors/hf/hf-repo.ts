/** Repositories of Hugging Face, and the names that their revisions have in dstore (R010-50). */
import { isName } from '../../index/name.ts'

/** What the repositories of an endpoint are. The path of a model says no kind. */
export const HF_KINDS = ['models', 'datasets', 'spaces'] as const

export type HfKind = (typeof HF_KINDS)[number]

export interface HfRepo {
  readonly kind: HfKind
  /** `NAME` or `ORG/NAME`. */
  readonly id: string
}

/** The revision that a client means that names none. */
export const DEFAULT_REVISION = 'main'

/** First parts of paths that are no organisation, here or at Hugging Face. */
const RESERVED_FIRST = new Set('api datasets spaces models kernels buckets'.split(' '))

/** What follows an id in a path, so that no repository can be called so. */
export const SUBPATHS: ReadonlySet<string> = new Set(
  (
    'revision tree paths-info refs resolve raw blob commits commit preupload treesize ' +
    'discussions settings branch tag compare xet-read-token xet-write-token lfs-files jwt'
  ).split(' '),
)

/** The prefix of the names of its revisions: `hf/ORG/NAME@`, `hf/datasets/ORG/NAME@`. */
export const prefixOf = ({ kind, id }: HfRepo): string =>
  kind === 'models' ? `hf/${id}@` : `hf/${kind}/${id}@`

/** The name that is bound to the directory of this revision. */
export const nameOfRevision = (repo: HfRepo, revision: string): string =>
  `${prefixOf(repo)}${revision}`

/** Whether a revision reads as a commit, which clients take for one that never changes. */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision)

/** Why clients refuse the id of a repository, or no path leads to it; undefined if it is good. */
export function faultOfId(id: string): string | undefined {
  const parts = id.split('/')
  if (parts.length > 2) return 'it has more than two parts'
  for (const part of parts) {
    if (!/^[\w.-]{1,96}$/.test(part)) {
      return 'each part has 1 to 96 letters and digits of ASCII, `-`, `_` or `.`'
    }
    if (/^[.-]|[.-]$/.test(part)) return 'no part begins or ends with `-` or `.`'
  }
  if (/--|\.\./.test(id)) return 'it has `--` or `..`'
  if (id.endsWith('.git')) return 'it ends with `.git`'
  const [first = '', second = ''] = parts
  if (RESERVED_FIRST.has(first)) return `\`${first}\` is a part of other paths`
  return SUBPATHS.has(second) ? `\`${second}\` is a part of other paths` : undefined
}

/** Why a revision cannot be asked for; undefined if it is good. */
export function faultOfRevision(repo: HfRepo, revision: string): string | undefined {
  if (revision === '') return 'it is empty'
  if (revision.split('/').some((part) => ['', '.', '..'].includes(part))) {
    return 'a part of it is empty, `.` or `..`'
  }
  return isName(nameOfRevision(repo, revision))
    ? undefined
    : 'it is too long, or has control characters'
}
