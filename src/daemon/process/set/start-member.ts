/** Makes the member of a set that a daemon serves. */
import { asDstoreError } from '../../../errors.ts'
import { TOKENS } from '../../../limits.ts'
import type { Log } from '../../../log.ts'
import { keptById, keptPrefix } from '../../../node/global/archive/kept-rows.ts'
import type { ServedNode } from '../../../node/node.ts'
import type { NodeOptions } from '../../../node/open.ts'
import type { SetMember } from '../../../set/interface.ts'
import type { Settings } from '../../config/settings.ts'
import type { StateDirectory } from '../../config/state-directory.ts'
import { recordsIn, settleTokens } from '../../config/tokens/archived-tokens.ts'
import type { TokenRecord } from '../../config/tokens/token-file.ts'
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
  /** What the start does at the moment, for people. */
  readonly onStep?: ((doing: string) => void) | undefined
}

/** The member has not begun to stand by. Errors: as `openMember`. */
export async function startMember(options: StartMemberOptions): Promise<MemberNode> {
  const { directory, settings, log, onStep } = options
  return nodeOf(await openMember({ directory: directory.path, settings, log, onStep }), options)
}

/** The node of an open member, which it closes. */
export function nodeOf(
  set: SetMember,
  { directory, settings, node, tokens, log, openNode, onStep }: StartMemberOptions,
): MemberNode {
  set.setAddresses(reachable(settings.listen ?? []))
  const follow = (): void => tokens.follow(() => tokensOf(set, log))
  follow()
  return new MemberNode({
    set,
    diskBytes: settings.diskBytes,
    log,
    onStep,
    open: (part) => openNode({ ...node, set: part }),
    onActive: async ({ kept }) => {
      // Those that another member made or revoked meanwhile count.
      if (kept !== undefined) tokens.settle(await settleTokens(directory.tokens, kept.tokens, true))
    },
    onInactive: follow,
  })
}

/** Those that this member has applied; none while it has no records open. */
function tokensOf(set: Pick<SetMember, 'rows'>, log: Log): readonly TokenRecord[] {
  try {
    return recordsIn(keptById('token', set.rows(keptPrefix('token'), TOKENS) ?? []))
  } catch (error) {
    log.error('the tokens of the set are not known', { error: asDstoreError(error).message })
    return []
  }
}
