/** The revisions of a repository, as its branches and tags (R010-59). */
import { sendJson } from '../../daemon/http/call.ts'
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import type { HfRepo } from './hf-repo.ts'
import type { Revisions } from './revisions.ts'

interface Ref {
  readonly name: string
  readonly ref: string
  readonly targetCommit: string
}

/** A tag of dstore can move, as a branch does; a fixed name is a tag. */
export async function sendRefs(call: DoorCall, repo: HfRepo, revisions: Revisions): Promise<void> {
  const refs = { branches: [] as Ref[], tags: [] as Ref[], converts: [] as Ref[] }
  const pullRequests: Ref[] = []
  for (const { revision, kind, commit } of await revisions.list(call, repo)) {
    const ref = (path: string): Ref => ({
      name: revision,
      ref: revision.startsWith('refs/') ? revision : `refs/${path}/${revision}`,
      targetCommit: commit,
    })
    if (revision.startsWith('refs/pr/')) pullRequests.push(ref('pr'))
    else if (revision.startsWith('refs/convert/')) refs.converts.push(ref('convert'))
    else if (kind === 'tag') refs.branches.push(ref('heads'))
    else refs.tags.push(ref('tags'))
  }
  const withRequests = call.query.get('include_prs') !== null
  sendJson(call, 200, { ...refs, ...(withRequests && { pullRequests }) })
}
