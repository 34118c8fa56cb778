/** Binds a name of an archive as it was bound (R007-44). */
import type { Client } from '../../src/daemon/client/client.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import { parseKey } from '../../src/hash/key.ts'
import type { ArchivedName } from './names-file.ts'

/**
 * Returns false for a name whose time is over: it stays unbound. Errors: those of a binding;
 * `conflict` for a tag that points elsewhere, which an import does not move.
 */
export async function bindArchived(
  client: Client,
  { name, key, kind, expires }: ArchivedName,
): Promise<boolean> {
  const expiresMs = expires === undefined ? undefined : Date.parse(expires) - Date.now()
  if (expiresMs !== undefined && expiresMs <= 0) return false
  const terms = expiresMs === undefined ? {} : { expiresMs }
  if (kind !== 'tag') {
    await client.bind(name, key, terms)
    return true
  }
  const bound = await client.lookup(name, true).catch(unlessUnbound)
  if (bound === undefined) {
    await client.tags.move(name, key, terms)
    return true
  }
  const isSame = Buffer.compare(parseKey(bound.key).digest, parseKey(key).digest) === 0
  if (isSame && bound.kind === 'tag') return true
  const what = isSame ? 'is a fixed name' : `points to ${bound.key}`
  throw new DstoreError('conflict', `${name} ${what}: an import moves no tag`, {
    hint: `to move it: dstore tag ${name} ${key}`,
  })
}

function unlessUnbound(error: unknown): undefined {
  if (asDstoreError(error).code !== 'not-found') throw error
}
