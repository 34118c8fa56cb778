/** Where the door reads through what dstore lacks (specs/010-doors.md, R010-70). */
import type { DoorCall } from '../../../daemon/http/doors/door.ts'
import type { HfRepo } from '../hf-repo.ts'
import type { Snapshot } from '../snapshot.ts'

export interface HfUpstream {
  /**
   * The revision to serve. The door has looked up its name before, so the caller may see it: `held`
   * is the directory that is bound to it, which wins if this resolves to undefined. Undefined and
   * nothing held is a miss, which the door answers. Throws `HfError` where the upstream knows more,
   * such as that the repository is there and the revision is not.
   *
   * `revision` is a branch, a tag, `refs/pr/1`, or the 40 hex digits of a commit. A commit whose
   * directory is bound to `nameOfRevision(repo, commit)` is the door's without a question here; so
   * is the commit that the door states for a name: if other names of the repository are commits
   * (40 hex digits) and bound to the same directory, the last one that was bound.
   */
  snapshot(
    call: DoorCall,
    repo: HfRepo,
    revision: string,
    held: Snapshot | undefined,
  ): Promise<Snapshot | undefined>
}
