/** Makes the member of a set that a daemon serves. */
import type { Log } from '../../../log.ts'
import type { ServedNode } from '../../../node/node.ts'
import type { NodeOptions } from '../../../node/open.ts'
import type { Settings } from '../../config/settings.ts'
import type { StateDirectory } from '../../config/state-directory.ts'
import { settleTokens } from '../../config/tokens/archived-tokens.ts'
import type { TokenTable } from '../../config/tokens/token-table.ts'
import { MemberNode } from './member-node.ts'
import { openMember } from './open-member.ts'
import { reachable } from './reachable.ts'

export interface StartMemberOptions {
  readonly directory: StateDirectory
  readonly settings: Settings
  /** What the Global is opened with once this member is active. */
  readonly node: NodeOptions
  readonly tokens: TokenTable
  readonly log: Log
  readonly openNode: (options: NodeOptions) => Promise<ServedNode>
}

/** The member has not begun to stand by. Errors: as `openMember`. */
export async function startMember({
  directory,
  settings,
  node,
  tokens,
  log,
  openNode,
}: StartMemberOptions): Promise<MemberNode> {
  const set = await openMember({ directory: directory.path, settings, log })
  set.setAddresses(reachable(settings.listen ?? []))
  return new MemberNode({
    set,
    diskBytes: settings.diskBytes,
    log,
    open: (part) => openNode({ ...node, set: part }),
    onActive: async ({ kept }) => {
      // Those that another member made or revoked meanwhile count.
      if (kept !== undefined) tokens.settle(await settleTokens(directory.tokens, kept.tokens, true))
    },
  })
}
