/** The error for a key or name that does not exist, which says where it may be found. */
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { NodeInactive } from '../node.ts'

/**
 * `inactive`: a store of an earlier role, which a Local does not serve (R007-154); `otherwise`: the
 * hint for a word that it does not have.
 */
export async function noSuch(
  type: 'key' | 'name',
  word: Key | string,
  inactive: Pick<NodeInactive, 'find'> | undefined,
  otherwise?: string,
): Promise<DstoreError> {
  const isElsewhere = (await inactive?.find(word).catch(() => undefined)) !== undefined
  const hint = isElsewhere ? ELSEWHERE : otherwise
  const message = `no such ${type}: ${word.toString()}`
  return new DstoreError('not-found', message, hint === undefined ? {} : { hint })
}

/** The hint for what an inactive store has. */
export const ELSEWHERE: string =
  'a store in this directory has it, which this Local does not serve: ' +
  '`dstore join --with-data` uploads it to Global'
