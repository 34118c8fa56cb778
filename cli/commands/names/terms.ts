/** The flags that say how a name is bound: `--expires` and `--keep` (R007-294, R007-296). */
import type { NameAnswer } from '../../../src/daemon/api/api.ts'
import type { Terms } from '../../../src/daemon/client/names/terms.ts'
import { parseDuration } from '../../../src/daemon/config/quantities.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { MovedFrom } from '../../../src/node/node.ts'
import type { Flags } from '../../flags.ts'

/** The name that a put binds, and how. */
export interface PutName {
  readonly name?: string
  readonly naming?: Terms
}

/** What the flags of a put say of its name. Throws `usage` for terms without one. */
export function putName({ name, tag, expires, keep }: Flags): PutName {
  if (name !== undefined && tag !== undefined) {
    throw new DstoreError('usage', '--name binds a name for good, --tag one that moves: give one')
  }
  if (keep !== undefined && tag === undefined) throw new DstoreError('usage', '--keep is for --tag')
  const bound = tag ?? name
  if (bound === undefined) {
    if (expires === undefined) return {}
    throw new DstoreError('usage', '--expires is for --name and --tag: a key does not expire')
  }
  const terms = termsIn({ expires, keep })
  const naming = tag === undefined ? terms : { kind: 'tag' as const, ...terms }
  return { name: bound, ...(Object.keys(naming).length > 0 && { naming }) }
}

/** What the document of a put says of its name. */
export const nameFacts = ({ name, naming }: PutName): object => ({
  ...(name !== undefined && { name }),
  ...(naming?.kind === 'tag' && { kind: 'tag' }),
})

/** What the document of a put says of the tag that it moved. */
export const moveFacts = ({ previous, ...rest }: Partial<MovedFrom>): MoveFacts => ({
  ...(previous && { previous: previous.toString(), ...rest }),
})

interface MoveFacts extends Omit<Partial<MovedFrom>, 'previous'> {
  readonly previous?: string
}

/** When a name that was bound with `--expires` goes: its first binding decides (R004-129). */
export function expiryText({ name, expiresAt }: Pick<NameAnswer, 'name' | 'expiresAt'>): string {
  if (expiresAt !== undefined) return `${name} expires at ${expiresAt}`
  return `${name} does not expire, as it was bound without --expires`
}

/** The durations in milliseconds. */
export function termsIn({ expires, keep }: TimeFlags): Omit<Terms, 'kind'> {
  return {
    ...(expires !== undefined && { expiresMs: parseDuration(expires) }),
    ...(keep !== undefined && { keepMs: isNone(keep) ? 0 : parseDuration(keep) }),
  }
}

interface TimeFlags {
  readonly expires?: string | undefined
  readonly keep?: string | undefined
}

/** The replaced target may go at once: elsewhere no time is a mistake. */
const isNone = (text: string): boolean => /^0 ?(ms|s|m|h|d)?$/.test(text)
