/** What a door is to the server (specs/010-doors.md): paths of its own, served by one handler. */
import type { MemberRole } from '../../../membership/role.ts'
import type { HttpCall } from '../call.ts'

/** A request to a door, and its response. */
export interface DoorCall extends HttpCall {
  /** The path behind the root as it was sent, percent-encoded: empty, or it begins with a slash. */
  readonly rest: string
  /** Whether the node may fetch and store something for this caller: not without a token. */
  readonly mayFetch: boolean
  /** Whether the caller may see this name, where a door looks it up as the node. */
  readonly maySee: (name: string) => boolean
}

export interface Door {
  /** The path that it serves, with all below it, such as `/cache`. */
  readonly root: string
  /**
   * The methods that it takes, and the role that each needs. A token with a prefix may call all.
   */
  readonly methods: Readonly<Record<string, MemberRole>>
  /** What it throws is refused as any fault of the API: `HttpError` says the status. */
  handle(call: DoorCall): Promise<void>
  /**
   * The name whose value, as plain bytes, a GET without a query is answered with that has this path
   * behind the root. Asked before `handle`, so that the immediate path can answer (R007-210);
   * undefined where only `handle` knows. It does not throw.
   */
  nameOf?(rest: string): string | undefined
  /** Headers that its clients need of any refusal, also of one before `handle`. */
  errorHeaders?(error: unknown): Readonly<Record<string, string>>
  /** What its clients read in the body of any refusal, beside the members of a problem. */
  errorMembers?(error: unknown): Readonly<Record<string, unknown>>
}

/** The door for a path, and the path behind its root. */
export function doorAt(
  doors: readonly Door[],
  path: string,
): { readonly door: Door; readonly rest: string } | undefined {
  for (const door of doors) {
    if (!path.startsWith(door.root)) continue
    const rest = path.slice(door.root.length)
    if (rest === '' || rest.startsWith('/')) return { door, rest }
  }
  return undefined
}
