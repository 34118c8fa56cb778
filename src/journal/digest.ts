/** The digest of an entry, which the next one states. */
import { hash } from '../hash/hasher.ts'

/** An entry is hashed once, however many look at it: its bytes never change. */
const known = new WeakMap<Uint8Array, Uint8Array>()

/** BLAKE3 of all bytes of an entry. */
export function entryDigest(entry: Uint8Array): Uint8Array {
  let digest = known.get(entry)
  if (digest === undefined) known.set(entry, (digest = hash(entry).digest))
  return digest
}

/** What stands for the digest of the entry before the first. */
export const NO_ENTRY: Uint8Array = new Uint8Array(32)
