/** The members that events have told of, and what is different from one look to the next. */
import type { MemberActivity } from '../../../node/activity/node-activity.ts'
import type { MembersUpdate } from '../../api/events.ts'

/** What was told, and its text. */
interface Told {
  readonly member: MemberActivity
  readonly text: string
}

export class MemberChanges {
  /** By peer id. */
  #told: Map<string, Told> | undefined

  /** All members as they were told last; undefined where there is no such list. */
  get all(): MembersUpdate | undefined {
    if (this.#told === undefined) return undefined
    return { changed: [...this.#told.values()].map(({ member }) => member), gone: [], all: true }
  }

  /** What is different now; undefined for nothing. Without a list, all are gone. */
  update(members: readonly MemberActivity[] | undefined): MembersUpdate | undefined {
    const before = this.#told
    if (members === undefined && before === undefined) return undefined
    const told = new Map<string, Told>()
    const changed: MemberActivity[] = []
    for (const member of members ?? []) {
      const text = JSON.stringify(member)
      told.set(member.peer, { member, text })
      if (before?.get(member.peer)?.text !== text) changed.push(member)
    }
    this.#told = told
    if (before === undefined) return this.all
    const gone = [...before.keys()].filter((peer) => !told.has(peer))
    return changed.length === 0 && gone.length === 0 ? undefined : { changed, gone }
  }
}
