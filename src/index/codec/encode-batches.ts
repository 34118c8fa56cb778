/** Batches of puts, receipts and failures, as messages carry them (specs/004-index.md, R004-167). */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { BatchItem, BatchOutcome, Failure, Receipt } from '../message.ts'
import { wireNaming } from './encode-names.ts'
import type {
  FailureSchema,
  PutItemSchema,
  PutOutcomeSchema,
  ReceiptSchema,
} from './messages_pb.ts'

export const wireItem = (item: BatchItem): MessageInitShape<typeof PutItemSchema> => ({
  value: item.value,
  ...(item.name !== undefined && { name: item.name }),
  ...wireNaming(item),
})

export const wireOutcome = (one: BatchOutcome): MessageInitShape<typeof PutOutcomeSchema> => ({
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
}: Receipt): MessageInitShape<typeof ReceiptSchema> => ({
  digest,
  size: BigInt(size),
  incarnation: BigInt(incarnation),
  existed,
})

export const wireFailure = ({
  code,
  message,
  hint = '',
}: Failure): MessageInitShape<typeof FailureSchema> => ({ code, message, hint })
