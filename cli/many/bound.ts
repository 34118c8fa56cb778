/** How a name is bound, for `stat` of it (R007-297). */
import type { NameAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { asDstoreError } from '../../src/errors.ts'

export type Binding = Pick<NameAnswer, 'kind' | 'boundAt' | 'expiresAt'>

/** Undefined if the text is no name by itself, as a path below one, or Global cannot be asked. */
export async function bindingOf(client: Client, name: string): Promise<Binding | undefined> {
  try {
    const { kind, boundAt, expiresAt } = await client.lookup(name)
    return {
      ...(kind !== undefined && { kind }),
      ...(boundAt !== undefined && { boundAt }),
      ...(expiresAt !== undefined && { expiresAt }),
    }
  } catch (error) {
    const { code } = asDstoreError(error)
    if (code === 'not-found' || code === 'usage' || code === 'unreachable') return undefined
    throw error
  }
}

/** The lines that `stat` prints of it. A fixed name that stays needs none. */
export function bindingLines({ kind, boundAt, expiresAt }: Binding = {}): string[] {
  const since = boundAt === undefined ? '' : `, at this key since ${boundAt}`
  return [
    ...(kind === 'tag' ? [`kind         tag${since}`] : []),
    ...(expiresAt === undefined ? [] : [`expires      ${expiresAt}`]),
  ]
}
