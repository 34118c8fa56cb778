/** What the members of a set said, as commands and `doctor` read it (R012-50, R012-51). */
import { SET_NOTE_MS } from '../../src/limits.ts'
import type { SetMemberReport, SetReport } from '../../src/node/global/set/set-report.ts'

/** A member that said nothing for this long may be gone. */
const SILENT_MS = 3 * SET_NOTE_MS

export interface SetMemberView extends SetMemberReport {
  /** Entries of the journal that it had not applied when it said so; undefined: not known. */
  readonly lag?: number
  /** Since it said so; below 0 where its clock is ahead of this one's. */
  readonly agoMs: number
  /** Is it not heard of any more? */
  readonly silent: boolean
}

/** All members, the one that was asked first. */
export function membersOf({ members, end }: SetReport): readonly SetMemberView[] {
  const now = Date.parse(members[0]?.at ?? '')
  return members.map((member) => {
    const agoMs = now - Date.parse(member.at)
    return {
      ...member,
      ...(end !== undefined && { lag: Math.max(0, end - member.position) }),
      agoMs,
      silent: !member.isOwn && agoMs > SILENT_MS,
    }
  })
}

/** The one that answers, or would if the engine did; undefined if none is known. */
export function activeOf(members: readonly SetMemberView[]): SetMemberView | undefined {
  const answering = members.filter(({ state }) => state === 'active' || state === 'paused')
  // One that was killed still says that it is active: the journal knows better.
  const heard = answering.filter(({ silent, isOvertaken }) => !silent && isOvertaken !== true)
  // Versions before this one do not say of which epoch they are.
  const [latest] = heard.toSorted((a, b) => a.agoMs - b.agoMs)
  return heard.find(({ isOwn }) => isOwn) ?? latest
}

/** Its name, with its id where another member has the same name. */
export function nameIn(
  members: readonly SetMemberView[],
  { name, id }: Pick<SetMemberView, 'name' | 'id'>,
): string {
  const isOnly = members.filter((one) => one.name === name).length === 1
  return isOnly ? name : `${name} (${id})`
}
