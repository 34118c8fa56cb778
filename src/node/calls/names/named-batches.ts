/** Puts of many small values with names, in few messages (specs/004-index.md, R004-167). */
import { DstoreError } from '../../../errors.ts'
import { checkDigestName } from '../../../hash/foreign-hasher.ts'
import { batchItemBytes } from '../../../index/batch-messages.ts'
import type { BatchItem } from '../../../index/message.ts'
import { INLINE_ANSWER_BYTES, INLINE_VALUE_BYTES } from '../../../limits.ts'
import type { NamedValue, PutOutcome } from '../../node.ts'
import { askBatches, batchesOf } from '../batches.ts'
import { checkKeeper } from '../hold-id.ts'
import { namingOf } from './naming.ts'

/** Puts the items of one message; outcomes in their order. */
type Send = (items: readonly BatchItem[]) => Promise<readonly PutOutcome[]>

/**
 * Puts values with names, `atOnce` messages of them at once; outcomes in order. What may not have
 * its name is not sent. `RangeError` if a value is too large to be inline.
 */
export async function putNamed(
  items: readonly NamedValue[],
  send: Send,
  { atOnce = 1, operation }: NamedBatchOptions = {},
): Promise<PutOutcome[]> {
  const outcomes = items.map(refusalOf)
  const sent = items.filter((_, at) => outcomes[at] === undefined)
  const messages = batchesOf(
    sent.map((item) => batchItem(item, operation)),
    batchItemBytes,
    INLINE_ANSWER_BYTES,
  )
  const answers = (await askBatches(messages, send, atOnce)).values()
  return outcomes.map((refused) => refused ?? answers.next().value!)
}

export interface NamedBatchOptions {
  readonly atOnce?: number
  /** Makes the id of an operation. */
  readonly operation?: () => Uint8Array
}

/** Why a value may not be put under its name; undefined if it may. */
function refusalOf(item: NamedValue): PutOutcome | undefined {
  const { value, name } = item
  if (value.byteLength > INLINE_VALUE_BYTES) {
    throw new RangeError(`items: one of ${value.byteLength} bytes; at most ${INLINE_VALUE_BYTES}`)
  }
  try {
    checkKeeper(item)
    namingOf(item.naming)
    checkDigestName(name, value)
    return undefined
  } catch (error) {
    if (error instanceof DstoreError) return { error }
    throw error
  }
}

const batchItem = (
  { value, name, naming }: NamedValue,
  operation: NamedBatchOptions['operation'],
): BatchItem => ({
  value,
  ...(name !== undefined && { name, ...namingOf(naming) }),
  ...(operation !== undefined && { operation: operation() }),
})
