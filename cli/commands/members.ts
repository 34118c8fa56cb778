/** `invite`, `members`: who may take part, and in which role (specs/006-membership.md). */
import { DstoreError, ERRORS } from '../../src/errors.ts'
import { parseDuration } from '../../src/daemon/config/quantities.ts'
import type { ExpelAnswer, MemberLine } from '../../src/daemon/api/api.ts'
import { parseRole } from '../../src/membership/role.ts'
import { forEach } from '../each.ts'
import type { Invocation } from '../invocation.ts'
import { listsText } from '../terminal/lists-text.ts'
import { useDaemon } from '../session.ts'

export async function invite(invocation: Invocation): Promise<number> {
  const { flags, terminal } = invocation
  const options = {
    ...(flags.role !== undefined && { role: parseRole(flags.role) }),
    ...(flags.uses !== undefined && { uses: readUses(flags.uses) }),
    ...(flags.expires !== undefined && { validMs: parseDuration(flags.expires) }),
  }
  const client = await useDaemon(invocation)
  const invitation = await client.invite(options)
  const { ticket, role, uses, expiresAt } = invitation
  await terminal.printFact(invitation, ticket)
  const nodes = uses === 1 ? 'one node' : `${uses} nodes`
  terminal.note(`for ${nodes} as ${role}, until ${expiresAt}; \`dstore join\` there takes it`)
  return 0
}

export async function members(invocation: Invocation): Promise<number> {
  const [action, ...peers] = invocation.positionals
  if (action === undefined) return list(invocation)
  if (action === 'add' && peers.length > 0) return add(invocation, peers)
  if (action === 'rm' && peers.length > 0) return remove(invocation, peers)
  throw new DstoreError('usage', 'members takes nothing, or add PEERID..., or rm PEERID...', {
    hint: 'see `dstore members --help`',
  })
}

async function list(invocation: Invocation): Promise<number> {
  const client = await useDaemon(invocation)
  for await (const member of client.members()) {
    await invocation.terminal.printFact(member, memberText(member))
  }
  return 0
}

async function add(invocation: Invocation, peers: readonly string[]): Promise<number> {
  const { flags, terminal } = invocation
  const role = parseRole(flags.role ?? 'writer')
  const client = await useDaemon(invocation)
  return forEach(peers, terminal, async (peer) => {
    const added = await client.admit(peer, role)
    if (terminal.json) await terminal.print(JSON.stringify(added))
  })
}

async function remove(invocation: Invocation, peers: readonly string[]): Promise<number> {
  const { terminal } = invocation
  const client = await useDaemon(invocation)
  return forEach(peers, terminal, async (peer) => {
    const expelled = await client.expel(peer)
    await terminal.printFact(expelled, expelledText(expelled))
    return expelled.owed.length === 0 ? 0 : ERRORS.partial.exit
  })
}

const memberText = ({ peer, role, state, since }: MemberLine): string =>
  `${peer}  ${(role ?? '-').padEnd(6)}  ${state.padEnd(9)}  ${since}`

/** Who has cut the connections to it, and who has still to. */
function expelledText({ peer, seq, acknowledged, owed, expired }: ExpelAnswer): string {
  const facts = listsText({
    'cut off by': acknowledged,
    'lease ran out at': expired,
    'still owed by': owed,
  })
  return `removed member ${peer} (seq ${seq})${facts}`
}

function readUses(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new DstoreError('usage', `not a number of uses: ${text}`)
}
