/** Moves a tag, and explains why an earlier target is gone (specs/004-index.md, R004-121). */
import { DstoreError, asDstoreError } from '../../../errors.ts'
import type { Key } from '../../../hash/key.ts'
import type { BindOptions, NodeIndex, TagResult } from '../../node.ts'

/** As `NodeIndex.tag`, with a hint where the key is an earlier target that was removed. */
export async function moveTag(
  index: Pick<NodeIndex, 'tag' | 'tagHistory'>,
  name: string,
  key: Key,
  options: BindOptions = {},
): Promise<TagResult> {
  try {
    return await index.tag(name, key, options)
  } catch (error) {
    const { code, message, hint } = asDstoreError(error)
    if (code !== 'not-found' || hint !== undefined) throw error
    const earlier = await index.tagHistory(name, options).catch(() => [])
    if (!earlier.some((one) => one.key.equals(key))) throw error
    throw new DstoreError(code, message, {
      cause: error,
      hint: `${name} was moved from it, and the time to keep it is over: put the value again`,
    })
  }
}
