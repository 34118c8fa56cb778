/** The error for a key or name that does not exist, which says where it may be found. */
import { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import type { Node } from '../node.ts'

/**
 * The hint says that a store of an earlier role has it, which a Local does not serve (R007-154);
 * or what is wrong with the word (`atWord`); or that a standalone node has no other to ask
 * (R007-156). For the key of a directory, that its bytes are stored, but not as a directory
 * (R007-227).
 */
export async function noSuch(
  type: 'key' | 'name',
  word: Key | string,
  { role, index, inactive }: Pick<Node, 'role' | 'index' | 'inactive'>,
  atWord?: string,
): Promise<DstoreError> {
  if (typeof word !== 'string' && word.kind === 'directory') {
    const bytes = await index.stat(word.as('bytes')).catch(() => undefined)
    if (bytes !== undefined) return notAsDirectory(word)
  }
  const isElsewhere = (await inactive?.find(word).catch(() => undefined)) !== undefined
  const hint = isElsewhere ? ELSEWHERE : (atWord ?? (role === 'standalone' ? ALONE : undefined))
  const message = `no such ${type}: ${word.toString()}`
  return new DstoreError('not-found', message, hint === undefined ? {} : { hint })
}

/** The error for the key of a directory whose value is stored as plain bytes. */
export function notAsDirectory(key: Key): DstoreError {
  const message = `no such directory: the bytes of ${key.toString()} are stored, but not as a directory`
  return new DstoreError('not-found', message, {
    hint: 'put the folder: `dstore put DIR` stores what is below it as well',
  })
}

const ALONE =
  'this node is standalone: it has only what was put here; `dstore join` connects it to a Global'

/** The hint for what an inactive store has. */
export const ELSEWHERE: string =
  'a store in this directory has it, which this Local does not serve: ' +
  '`dstore join --with-data` uploads it to Global'
