/** The error for a key or name that does not exist, which says where it may be found. */
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { Node } from '../node.ts'

/**
 * The hint says that a store of an earlier role has it, which a Local does not serve (R007-154);
 * or what is wrong with the word (`atWord`); or that a standalone node has no other to ask
 * (R007-156).
 */
export async function noSuch(
  type: 'key' | 'name',
  word: Key | string,
  { role, inactive }: Pick<Node, 'role' | 'inactive'>,
  atWord?: string,
): Promise<DstoreError> {
  const isElsewhere = (await inactive?.find(word).catch(() => undefined)) !== undefined
  const hint = isElsewhere ? ELSEWHERE : (atWord ?? (role === 'standalone' ? ALONE : undefined))
  const message = `no such ${type}: ${word.toString()}`
  return new DstoreError('not-found', message, hint === undefined ? {} : { hint })
}

const ALONE =
  'this node is standalone: it has only what was put here; `dstore join` connects it to a Global'

/** The hint for what an inactive store has. */
export const ELSEWHERE: string =
  'a store in this directory has it, which this Local does not serve: ' +
  '`dstore join --with-data` uploads it to Global'
