/** `invite`, `members`: admit nodes, list them and remove them (specs/006-membership.md). */
import { DstoreError } from '../../src/errors.ts'
import { parseDuration } from '../../src/daemon/config/quantities.ts'
import type { InviteAnswer, MemberLine } from '../../src/daemon/api/api.ts'
import { parseRole } from '../../src/membership/role.ts'
import type { Role } from '../../src/node/node-status.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { useDaemonWithMembers } from '../session.ts'
import { fileOutput } from '../terminal/file-output.ts'
import { afterInvite } from '../terminal/next-steps.ts'
import { writeWhole } from '../terminal/output.ts'
import type { Output } from '../terminal/output.ts'
import { memberNames, peerOf } from '../terminal/member-names.ts'
import { agoText } from '../wording.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { localsText, printRemoval } from './rm.ts'

export async function invite(invocation: Invocation): Promise<number> {
  const { flags, terminal } = invocation
  const options = {
    ...(flags.role !== undefined && { role: parseRole(flags.role) }),
    ...(flags.uses !== undefined && { uses: readUses(flags.uses) }),
    ...(flags.expires !== undefined && { validMs: parseDuration(flags.expires) }),
    ...(flags.label !== undefined && { label: flags.label }),
  }
  const file = flags.output
  // Before Global is asked: a ticket that cannot be written admits nodes that hold no copy of it.
  const output = file === undefined ? undefined : await fileOutput(file, 0o600)
  let role: Role = 'global'
  const ask = async (): Promise<InviteAnswer> => {
    const client = await useDaemonWithMembers(invocation)
    const made = await client.invite(options)
    if (made.loopbackOnly) ({ role } = await client.status())
    return made
  }
  const invitation = await (output === undefined ? ask() : writeTicket(output, ask))
  const { ticket, ...terms } = invitation
  if (file === undefined) await terminal.printFact(invitation, ticket)
  else if (terminal.json) await terminal.print(JSON.stringify({ file, ...terms }))
  for (const note of afterInvite(invitation, role, flags)) terminal.note(note)
  return 0
}

async function writeTicket(
  output: Output,
  ask: () => Promise<InviteAnswer>,
): Promise<InviteAnswer> {
  let invitation: InviteAnswer
  await writeWhole(output, async () => {
    invitation = await ask()
    await output.write(Buffer.from(`${invitation.ticket}\n`))
    return true
  })
  return invitation!
}

export async function members(invocation: Invocation): Promise<number> {
  const [action, ...peers] = invocation.positionals
  if (action === undefined) return list(invocation)
  if (action === 'add' && peers.length > 0) return add(invocation, peers)
  if (action === 'rm' && peers.length > 0) return remove(invocation, peers)
  throw new DstoreError('usage', 'members takes no arguments, or add MEMBER..., or rm MEMBER...', {
    hint: 'see `dstore members --help`',
  })
}

async function list(invocation: Invocation): Promise<number> {
  const client = await useDaemonWithMembers(invocation)
  for await (const member of client.members()) {
    await invocation.terminal.printFact(member, memberText(member, invocation.terminal))
  }
  return 0
}

async function add(invocation: Invocation, peers: readonly string[]): Promise<number> {
  const { flags, terminal } = invocation
  const role = parseRole(flags.role ?? 'writer')
  const client = await useDaemonWithMembers(invocation)
  return forEachArgument(peers, terminal, async (peer) => {
    const added = await client.admit(await peerOf(client, peer), role)
    if (terminal.json) await terminal.print(JSON.stringify(added))
  })
}

async function remove(invocation: Invocation, peers: readonly string[]): Promise<number> {
  const { terminal } = invocation
  const client = await useDaemonWithMembers(invocation)
  return forEachArgument(peers, terminal, async (word) => {
    const expelled = await client.expel(await peerOf(client, word))
    const { acknowledged, owed, expired, seq } = expelled
    const named = terminal.json ? [] : [...acknowledged, ...owed, ...expired]
    const nameOf = await memberNames(client, named, invocation.flags.verbose)
    const what = `removed member ${word}${terminal.verbose ? ` (seq ${seq})` : ''}`
    const lists = { 'cut off by': localsText(acknowledged, nameOf, terminal.verbose) }
    return printRemoval(terminal, expelled, what, lists, nameOf)
  })
}

/** `build-7  writer  connected  2026-01-01T00:00:00.000Z`; the id without a label, or after it. */
function memberText(
  { peer, label, role, state, since }: MemberLine,
  { verbose, now }: Pick<Terminal, 'verbose' | 'now'>,
): string {
  const when = agoText(since, now)
  const facts = `${(role ?? '-').padEnd(6)}  ${state.padEnd(9)}  ${when}`
  const name = (label ?? peer).padEnd(16)
  return `${name}  ${facts}${verbose && label !== undefined ? `  ${peer}` : ''}`
}

function readUses(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new DstoreError('usage', `not a number of uses: ${text}`)
}
