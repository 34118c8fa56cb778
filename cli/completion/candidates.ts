/** Names and keys that begin as somebody has begun to type: for the prompt and for the shell. */
import type { Client } from '../../src/daemon/client/client.ts'

/** More than this nobody reads. */
const SHOWN = 100

/** Keys are listed in the order of digests: a beginning that comes late is not looked for any further. */
const SCANNED_KEYS = 20_000

/** What all keys begin with, as they are printed. */
const KEY_START = 'bafkr4i'

/** Where names and keys come from. */
export type Listings = Pick<Client, 'keys' | 'names'>

/** In the order of the listings: names, then keys where it can only be one of them. */
export async function candidates(listings: Listings, prefix: string): Promise<string[]> {
  const found: string[] = []
  for await (const { name } of listings.names(prefix)) {
    if (found.push(name) >= SHOWN) return found
  }
  if (!prefix.startsWith(KEY_START)) return found
  let scanned = 0
  for await (const { key } of listings.keys()) {
    if (key.startsWith(prefix) && found.push(key) >= SHOWN) break
    if (++scanned >= SCANNED_KEYS) break
  }
  return found
}
