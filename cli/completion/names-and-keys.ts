/** Names and keys that begin as the user has begun to type, for the shell and for the prompt. */
import { asDstoreError } from '../../src/errors.ts'
import type { Client } from '../../src/daemon/client/client.ts'

/** How long the tab key waits for a daemon. */
export const COMPLETION_MS = 1000

/** More are not useful. */
const MOST_RESULTS = 100

/** The beginnings of printed keys: of plain values, and of directories. */
const KEY_START = /^baf[ky]r4i(?:[a-h][a-z2-7]{0,51})?$/

/** Matching names, then matching keys if the prefix can begin a key. Closes the client. */
export async function namesAndKeys(client: Client, prefix: string): Promise<string[]> {
  try {
    const found: string[] = []
    for await (const { name } of client.names(prefix, { limit: MOST_RESULTS })) {
      if (found.push(name) >= MOST_RESULTS) return found
    }
    // Nothing is bound below a name of a directory: so nothing is lost in what else has the prefix.
    if (prefix.includes('/')) return found.length > 0 ? found : await entriesFrom(client, prefix)
    if (!KEY_START.test(prefix)) return found
    const limit = MOST_RESULTS - found.length
    for await (const { key } of client.lists.keys({ prefix, limit })) {
      // An earlier daemon lists all keys.
      if (!key.startsWith(prefix) || found.push(key) >= MOST_RESULTS) break
    }
    return found
  } finally {
    client.close()
  }
}

/** Paths below a directory that begin like the prefix; none if that leads to no directory. */
async function entriesFrom(client: Client, prefix: string): Promise<string[]> {
  const [{ findValue, listingsOf }, { entriesOf }] = await Promise.all([
    import('../tree/open-tree.ts'),
    import('../../src/tree/read/entries.ts'),
  ])
  const at = prefix.lastIndexOf('/') + 1
  const listings = listingsOf(client)
  const found: string[] = []
  try {
    const { key } = await findValue({ client, listings }, prefix.slice(0, at))
    if (key.kind !== 'directory') return found
    for await (const { path, type } of entriesOf(listings, key)) {
      // A shell would split or run it.
      if (!path.startsWith(prefix.slice(at)) || /\p{Cc}/u.test(path)) continue
      const end = type === 'directory' ? '/' : ''
      if (found.push(`${prefix.slice(0, at)}${path}${end}`) >= MOST_RESULTS) break
    }
  } catch (error) {
    const { code } = asDstoreError(error)
    if (!['not-found', 'usage', 'malformed-key', 'integrity'].includes(code)) throw error
  }
  return found
}
