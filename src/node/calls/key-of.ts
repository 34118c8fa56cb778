/** Keys out of messages and records, which say what is a directory. */
import { Key } from '../../hash/key.ts'

export const keyOf = (digest: Uint8Array, directory: boolean = false): Key =>
  new Key(digest, directory ? 'directory' : 'bytes')
