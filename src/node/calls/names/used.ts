/** What a caller was given without asking the index is a use, too (R004-146, R004-153). */
import { Key } from '../../../hash/key.ts'

export interface Uses {
  used(name: string): void
  usedKey(digest: Uint8Array): void
}

export function wordUsed(uses: Uses, keyOrName: string): void {
  const key = Key.printed(keyOrName)
  if (key === undefined) uses.used(keyOrName)
  else uses.usedKey(key.digest)
}
