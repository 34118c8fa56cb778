/** `token`: makes, lists and revokes the tokens of the API over TCP (specs/007, "Tokens"). */
import { DstoreError } from '../../../src/errors.ts'
import type { TokenAnswer, TokenLine } from '../../../src/daemon/api/api.ts'
import { parseDuration } from '../../../src/daemon/config/quantities.ts'
import { parseRole } from '../../../src/membership/role.ts'
import type { Invocation } from '../../command.ts'
import { forEachArgument } from '../../exit-code.ts'
import { useDaemon } from '../../session.ts'
import { fileOutput } from '../../terminal/file-output.ts'
import { writeWhole } from '../../terminal/output.ts'
import { agoText, untilText } from '../../wording.ts'

export async function token(invocation: Invocation): Promise<number> {
  const [action = 'ls', ...rest] = invocation.positionals
  const { role, label, expires, prefix, output } = invocation.flags
  if (action === 'add' && rest.length === 0) return add(invocation)
  if ((role ?? label ?? expires ?? prefix ?? output) !== undefined) {
    throw new DstoreError(
      'usage',
      `the terms of a token are for \`dstore token add\`, not ${action}`,
    )
  }
  if (action === 'ls' && rest.length === 0) return list(invocation)
  if (action === 'rm' && rest.length > 0) return remove(invocation, rest)
  throw new DstoreError('usage', 'token takes add, ls, or rm LABEL|TOKEN...', {
    hint: 'see `dstore token --help`',
  })
}

async function add(invocation: Invocation): Promise<number> {
  const { flags, terminal } = invocation
  const terms = {
    ...(flags.role !== undefined && { role: parseRole(flags.role) }),
    ...(flags.label !== undefined && { label: flags.label }),
    ...(flags.expires !== undefined && { expiresMs: parseDuration(flags.expires) }),
    ...(flags.prefix !== undefined && { prefix: flags.prefix }),
  }
  const file = flags.output
  // Before the token is made: one that cannot be written is shown to no one, and must be revoked.
  const output = file === undefined ? undefined : await fileOutput(file, 0o600)
  let url: string | undefined
  let made: TokenAnswer | undefined
  const ask = async (): Promise<TokenAnswer> => {
    const client = await useDaemon(invocation)
    made = await client.tokens.add(terms)
    url = (await client.status()).daemon.http?.url
    return made
  }
  if (output === undefined) {
    const answer = await ask()
    await terminal.printFact(answer, answer.token)
  } else {
    await writeWhole(output, async () => {
      await output.write(Buffer.from(`${(await ask()).token}\n`))
      return true
    })
    const { token: _, ...others } = made!
    if (terminal.json) await terminal.print(JSON.stringify({ file, ...others }))
  }
  terminal.note(`${file === undefined ? '' : `wrote ${file}: `}${termsText(made!)}`)
  terminal.note(
    url === undefined
      ? 'this node does not serve TCP: dstore stop; dstore start --http HOST:PORT'
      : `it is shown only now; use it as \`Authorization: Bearer TOKEN\` at ${url}`,
  )
  return 0
}

async function list(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const client = await useDaemon(invocation)
  for await (const line of client.tokens.list()) {
    await terminal.printFact(line, tokenText(line, terminal.now))
  }
  return 0
}

async function remove(invocation: Invocation, labels: readonly string[]): Promise<number> {
  const { terminal } = invocation
  const client = await useDaemon(invocation)
  return forEachArgument(labels, terminal, async (label) => {
    const removed = await client.tokens.remove(label)
    if (terminal.json) await terminal.print(JSON.stringify(removed))
    else terminal.note(`revoked ${removed.label} (${removed.role})`)
  })
}

function termsText({ label, role, prefix, expiresAt }: TokenLine): string {
  const where = prefix === undefined ? '' : `, only below ${prefix}`
  return `token ${label}: ${role}${where}${expiresAt === undefined ? '' : `, until ${expiresAt}`}`
}

/** `ci  writer  ci/  used 2026-01-01T00:00:00.000Z  until never` */
function tokenText(
  { label, role, prefix = '-', expiresAt, lastUsedAt }: TokenLine,
  now: number | undefined,
): string {
  const isOver = expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()
  const verb = isOver ? 'expired' : now === undefined ? 'until' : 'expires'
  const end = expiresAt === undefined ? '' : `  ${verb} ${untilText(expiresAt, now)}`
  const used = lastUsedAt === undefined ? 'never used' : `used ${agoText(lastUsedAt, now)}`
  return `${label.padEnd(16)}  ${role.padEnd(6)}  ${prefix.padEnd(12)}  ${used}${end}`
}
