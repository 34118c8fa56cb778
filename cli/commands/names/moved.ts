/** What `tag` and `put --tag` say of a tag that they moved (R007-294, R007-302). */
import type { Client } from '../../../src/daemon/client/client.ts'
import { asDstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { memberNames } from '../../terminal/member-names.ts'
import type { Terms } from '../../../src/daemon/client/names/terms.ts'
import { expiryText, type PutName } from './terms.ts'

/** What an answer says of a tag. */
export interface TagMove {
  readonly name: string
  /** Missing if the tag was not bound, or to the same key. */
  readonly previous?: string | undefined
  readonly previousKeptUntil?: string | undefined
  readonly silent?: readonly string[] | undefined
}

/** Says on stderr what the tag was moved from, and when it expires, if the command set that. */
export async function showMove(
  invocation: Invocation,
  client: Client,
  moved: TagMove,
  { keepMs, expiresMs }: Terms,
): Promise<void> {
  const { terminal } = invocation
  if (moved.previous !== undefined) {
    terminal.note(movedText(moved, moved.previous, keepMs))
    await mentionSilent(invocation, client, moved)
  }
  if (expiresMs !== undefined && !terminal.json) await mentionExpiry(invocation, client, moved.name)
}

/** The change is durable: what cannot be found out afterwards is no failure of the command. */
async function mentionExpiry(
  { terminal }: Invocation,
  client: Client,
  name: string,
): Promise<void> {
  try {
    terminal.note(expiryText(await client.lookup(name)))
  } catch (error) {
    const isGone = asDstoreError(error).code === 'not-found'
    terminal.note(
      isGone ? `${name} has expired` : `${name} is bound; \`dstore stat\` shows its expiry`,
    )
  }
}

/** The same of a put; of one without a tag, nothing. */
export async function showPut(
  invocation: Invocation,
  client: Client,
  { name, naming }: PutName,
  answer: Omit<TagMove, 'name'>,
): Promise<void> {
  if (name === undefined || naming?.kind !== 'tag') return
  const { previous, previousKeptUntil, silent } = answer
  const moved = { name, previous, previousKeptUntil, silent }
  await showMove(invocation, client, moved, naming)
}

function movedText(
  { name, previousKeptUntil: until }: TagMove,
  previous: string,
  keepMs: number | undefined,
): string {
  const kept = keepMs === 0 ? ', which goes at once' : `, which is kept until ${until}`
  const stays = until === undefined ? '' : kept
  return `moved ${name} from ${previous}${stays}`
}

/** Locals that have not been heard: they may answer with the old target (R004-123). */
async function mentionSilent(
  { flags, terminal }: Invocation,
  client: Client,
  { name, silent = [] }: TagMove,
): Promise<void> {
  if (silent.length === 0) return
  const nameOf = await memberNames(client, silent, flags.verbose)
  terminal.note(`out of touch, may still show ${name} as it was: ${silent.map(nameOf).join(' ')}`)
}
