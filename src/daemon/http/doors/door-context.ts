/** What doors need of the daemon beside the calls that they are handed. */
import type { Log } from '../../../log.ts'
import type { ServedNode } from '../../../node/node.ts'

export interface DoorContext {
  /** The node without a caller, for work that outlives a request. */
  readonly node: ServedNode
  readonly log: Log
  /** Where the door `hf` reads through, and the token for it. */
  readonly hfUpstream?: { readonly url: string; readonly token?: string }
}
