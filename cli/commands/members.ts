/** `invite`, `members`: admit nodes, list them and remove them (specs/006-membership.md). */
import { DstoreError } from '../../src/errors.ts'
import { parseDuration } from '../../src/daemon/config/quantities.ts'
import type { MemberLine } from '../../src/daemon/api/api.ts'
import { parseRole } from '../../src/membership/role.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { useDaemon } from '../session.ts'
import { plural } from '../terminal/terminal.ts'
import { printRemoval } from './rm.ts'

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
  const nodes = plural(uses, 'node')
  terminal.note(`for ${nodes} as ${role}, until ${expiresAt}; use it with \`dstore join\` there`)
  return 0
}

export async function members(invocation: Invocation): Promise<number> {
  const [action, ...peers] = invocation.positionals
  if (action === undefined) return list(invocation)
  if (action === 'add' && peers.length > 0) return add(invocation, peers)
  if (action === 'rm' && peers.length > 0) return remove(invocation, peers)
  throw new DstoreError('usage', 'members takes no arguments, or add PEERID..., or rm PEERID...', {
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
  return forEachArgument(peers, terminal, async (peer) => {
    const added = await client.admit(peer, role)
    if (terminal.json) await terminal.print(JSON.stringify(added))
  })
}

async function remove(invocation: Invocation, peers: readonly string[]): Promise<number> {
  const { terminal } = invocation
  const client = await useDaemon(invocation)
  return forEachArgument(peers, terminal, async (peer) => {
    const expelled = await client.expel(peer)
    const what = `removed member ${peer} (seq ${expelled.seq})`
    return printRemoval(terminal, expelled, what, { 'cut off by': expelled.acknowledged })
  })
}

const memberText = ({ peer, role, state, since }: MemberLine): string =>
  `${peer}  ${(role ?? '-').padEnd(6)}  ${state.padEnd(9)}  ${since}`

function readUses(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new DstoreError('usage', `not a number of uses: ${text}`)
}
