/** Batches of puts, receipts and failures, as messages carry them (R004-1 and R004-167). */
import type { MessageInitShape } from '@bufbuild/protobuf'
import { INDEX_MESSAGE_BYTES, INLINE_VALUE_BYTES } from '../../limits.ts'
import { atMost, errorCode, malformed, text } from '../../wire/fields.ts'
import { batchItemBytes } from '../batch-messages.ts'
import type {
  BatchItem,
  BatchOutcome,
  Failure,
  PutBatch,
  Receipt,
  StoredBatch,
} from '../message.ts'
import { toReceipt } from './decode-facts.ts'
import { toNaming } from './decode-naming.ts'
import { batch, toName } from './decode-trees.ts'
import { wireNaming } from './encode-names.ts'
import type * as pb from './messages_pb.ts'

/** Error: `protocol`. */
export function toPutBatch({ items: some }: pb.PutBatch): PutBatch {
  const items = batch('values', some).map(toItem)
  // Else the answer might not fit into a message.
  const bytes = items.reduce((sum, item) => sum + batchItemBytes(item), 0)
  if (bytes > INDEX_MESSAGE_BYTES) throw malformed('names that are too long for one batch')
  return { type: 'put-batch', items }
}

function toItem({ value, name, ...as }: pb.PutItem): BatchItem {
  return {
    value: atMost(INLINE_VALUE_BYTES, 'value', value),
    ...(name !== undefined && { name: toName(name) }),
    ...toNaming(as),
  }
}

/** Error: `protocol`. */
export const toStoredBatch = ({ outcomes }: pb.StoredBatch): StoredBatch => ({
  type: 'stored-batch',
  outcomes: batch('outcomes', outcomes).map(toOutcome),
})

function toOutcome({ outcome }: pb.PutOutcome): BatchOutcome {
  if (outcome.case === 'receipt') return { receipt: toReceipt(outcome.value) }
  if (outcome.case === 'failure') return { failure: toFailure(outcome.value) }
  throw malformed('an outcome that says nothing')
}

/** Error: `protocol`. */
export const toFailure = ({ code, message, hint }: pb.Failure): Failure => ({
  type: 'failure',
  code: errorCode(code),
  message: text(message),
  hint: hint === '' ? undefined : text(hint),
})

export const wireItem = (item: BatchItem): MessageInitShape<typeof pb.PutItemSchema> => ({
  value: item.value,
  ...(item.name !== undefined && { name: item.name }),
  ...wireNaming(item),
})

export const wireOutcome = (one: BatchOutcome): MessageInitShape<typeof pb.PutOutcomeSchema> => ({
  outcome:
    'receipt' in one
      ? { case: 'receipt', value: wireReceipt(one.receipt) }
      : { case: 'failure', value: wireFailure(one.failure) },
})

export const wireReceipt = ({
  digest,
  size,
  incarnation,
  existed,
}: Receipt): MessageInitShape<typeof pb.ReceiptSchema> => ({
  digest,
  size: BigInt(size),
  incarnation: BigInt(incarnation),
  existed,
})

export const wireFailure = ({
  code,
  message,
  hint = '',
}: Failure): MessageInitShape<typeof pb.FailureSchema> => ({ code, message, hint })
