/** What the members of a set said, as commands and `doctor` read it (R012-50, R012-51). */
import { SET_NOTE_MS } from '../../src/limits.ts'
import { saysActive } from '../../src/set/notes/member-note.ts'
import type { SetMemberReport, SetReport } from '../../src/node/global/set/set-report.ts'

/** A member that said nothing for this long may be gone. */
const SILENT_MS = 3 * SET_NOTE_MS

/** From here on clocks differ by more than what passes until a note is read. */
export const AHEAD_MS = 5_000
export const BEHIND_MS: number = AHEAD_MS + 2 * SET_NOTE_MS

export interface SetMemberView extends SetMemberReport {
  /** Since it said so. */
  readonly agoMs: number
  /** How far its clock is ahead of that of the member that was asked; below 0: behind. */
  readonly aheadMs: number
  /** Is it not heard of any more? */
  readonly silent: boolean
  /** Does it say that it is active, and has no other begun since? */
  readonly answers: boolean
}

/** All members, the one that was asked first. */
export function membersOf({ members, epoch }: SetReport): readonly SetMemberView[] {
  const now = Date.parse(members[0]?.at ?? '')
  const latest = Math.max(epoch, ...members.map((member) => member.epoch ?? 0))
  return members.map((member) => {
    const byClocks = now - Date.parse(member.at)
    const agoMs = member.agoMs ?? Math.max(0, byClocks)
    return {
      ...member,
      agoMs,
      aheadMs: agoMs - byClocks,
      silent: !member.isOwn && agoMs > SILENT_MS,
      answers: saysActive(member, latest),
    }
  })
}

/** The one that answers, or would if the engine did; undefined if none is known. */
export function activeOf(members: readonly SetMemberView[]): SetMemberView | undefined {
  const heard = members.filter(({ answers, silent }) => answers && !silent)
  // One that was killed still says that it is active, until another one has begun.
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
