/** What commands call members: by their labels; with `--verbose` also by their ids (R006-49). */
import { DstoreError } from '../../src/errors.ts'
import type { MemberLine } from '../../src/daemon/api/api.ts'

/** The text for a peer id. */
export type NameOf = (peer: string) => string

/** Members, as the daemon lists them to an admin. */
interface Listing {
  members(): AsyncIterable<MemberLine>
}

/** By their ids: where nothing lists members. */
export const byId: NameOf = (peer) => peer

/** The names of these peers. Without any, or for a caller that may not list members: their ids. */
export async function memberNames(
  client: Listing,
  peers: readonly string[],
  verbose = false,
): Promise<NameOf> {
  if (peers.length === 0) return byId
  const labels = new Map<string, string>()
  try {
    for await (const { peer, label } of client.members()) {
      if (label !== undefined) labels.set(peer, verbose ? `${label} (${peer})` : label)
    }
  } catch {
    // The answer of the command counts, and the ids name the peers as well.
  }
  return (peer) => labels.get(peer) ?? peer
}

/** The peer id of a member by its label, and a peer id as it is; `not-found` for another word. */
export async function peerOf(client: Listing, word: string): Promise<string> {
  // No label begins so (R006-46).
  if (word.startsWith('12D3KooW')) return word
  for await (const { peer, label, state } of client.members()) {
    if (label === word && state !== 'expelled') return peer
  }
  throw new DstoreError('not-found', `no such member: ${word}`, {
    hint: '`dstore members` lists labels; a new member is added by its peer id',
  })
}
