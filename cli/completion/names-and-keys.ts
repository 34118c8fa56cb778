/** Names and keys that begin as the user has begun to type, for the shell and for the prompt. */
import type { Client } from '../../src/daemon/client/client.ts'

/** How long the tab key waits for a daemon. */
export const COMPLETION_MS = 1000

/** More are not useful. */
const MOST_RESULTS = 100

/** Keys are listed in the order of digests: a later match is not found. */
const SCANNED_KEYS = 20_000

/** The beginning that all printed keys share. */
const KEY_START = 'bafkr4i'

/** Matching names, then matching keys if the prefix can begin a key. Closes the client. */
export async function namesAndKeys(client: Client, prefix: string): Promise<string[]> {
  try {
    const found: string[] = []
    for await (const { name } of client.names(prefix)) {
      if (found.push(name) >= MOST_RESULTS) return found
    }
    if (!prefix.startsWith(KEY_START)) return found
    let scanned = 0
    for await (const { key } of client.keys()) {
      if (key.startsWith(prefix) && found.push(key) >= MOST_RESULTS) break
      if (++scanned >= SCANNED_KEYS) break
    }
    return found
  } finally {
    client.close()
  }
}
