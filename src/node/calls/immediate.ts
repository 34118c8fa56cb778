/** Small values of Global's own store, for callers that cannot wait (specs/007, R007-210). */
import { equal } from '../../bytes.ts'
import { hash } from '../../hash/hasher.ts'
import { Key } from '../../hash/key.ts'
import { keyOf } from './key-of.ts'
import { wordUsed, type Uses } from './names/used.ts'
import { isName } from '../../index/name.ts'
import { hasExpired } from '../../index/global/names/naming.ts'
import { decodeBinding } from '../../index/records/name-record.ts'
import { decodeKey, keyRow, nameRow } from '../../index/records/record.ts'
import { GROUP_BYTES } from '../../limits.ts'
import type { ImmediateReads, Store } from '../../store/store.ts'
import type { ImmediateValue } from '../node.ts'

/** The value of a key or name, which is used; undefined if `get` has to answer. */
export function immediateValue(
  { immediate, kind }: Pick<Store, 'immediate' | 'kind'>,
  word: string,
  uses?: Uses,
): ImmediateValue | undefined {
  if (immediate === undefined) return undefined
  const key = Key.printed(word) ?? keyOfName(immediate, word)
  const row = key && immediate.row(keyRow(key.digest))
  if (row === undefined) return undefined
  // A value of one chunk group, so that its hash needs no proof.
  const { location, size, directory } = decodeKey(row)
  if (key!.kind === 'directory' && directory === undefined) return undefined
  const bytes = size === 0 ? undefined : immediate.value(location, GROUP_BYTES)
  if (bytes?.byteLength !== size) return undefined
  // Bytes on disk may have decayed; memory holds what this process verified.
  if (kind !== 'memory' && !equal(hash(bytes).digest, key!.digest)) return undefined
  if (uses !== undefined) wordUsed(uses, word)
  return { key: key!, bytes }
}

function keyOfName(reads: ImmediateReads, word: string): Key | undefined {
  const row = isName(word) ? reads.row(nameRow(word)) : undefined
  if (row === undefined) return undefined
  const binding = decodeBinding(row)
  const { digest, directory } = binding
  if (hasExpired(binding, Date.now())) return undefined
  return keyOf(digest, directory)
}
