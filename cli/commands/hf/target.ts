/** What `dstore hf publish` binds (R010-60). */
import {
  DEFAULT_REVISION,
  faultOfId,
  faultOfRevision,
  HF_KINDS,
  type HfRepo,
} from '../../../src/doors/hf/hf-repo.ts'
import { DstoreError } from '../../../src/errors.ts'

/** The repository and revision in `[ORG/]NAME[@REV]`. Throws `usage` for what is never served. */
export function targetIn(
  target: string,
  type: string = 'model',
): { readonly repo: HfRepo; readonly revision: string } {
  const kind = HF_KINDS.find((one) => one === `${type}s`)
  if (kind === undefined) {
    throw new DstoreError('usage', `no such type of a repository: ${type}`, {
      hint: 'write model, dataset or space',
    })
  }
  const at = target.indexOf('@')
  const repo = { kind, id: at === -1 ? target : target.slice(0, at) }
  const fault = faultOfId(repo.id)
  if (fault !== undefined) {
    const prefix = /^(dataset|space)s\//.exec(repo.id)?.[1]
    throw new DstoreError('usage', `not the id of a repository: ${repo.id}: ${fault}`, {
      ...(prefix !== undefined && { hint: `write ORG/NAME, and --type ${prefix}` }),
    })
  }
  const revision = at === -1 ? DEFAULT_REVISION : target.slice(at + 1)
  const wrong = faultOfRevision(repo, revision)
  if (wrong === undefined) return { repo, revision }
  throw new DstoreError('usage', `not a revision: ${revision}: ${wrong}`)
}
