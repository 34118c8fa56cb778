/**
 * Receipts and batches of puts, and failures, as messages carry them (R004-1, R004-123, R004-167).
 * The receipts of one message share the list of silent Locals.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import { INDEX_MESSAGE_BYTES, INLINE_VALUE_BYTES, SILENT_LOCALS } from '../../limits.ts'
import { atMost, count, digest, errorCode, malformed, text } from '../../wire/fields.ts'
import { batchItemBytes } from '../batch-messages.ts'
import type {
  BatchItem,
  BatchOutcome,
  Failure,
  PutBatch,
  Receipt,
  Stored,
  StoredBatch,
} from '../message.ts'
import { toTarget } from './decode-names.ts'
import { toNaming } from './decode-naming.ts'
import { batch, toName } from './decode-trees.ts'
import { wireNaming, wireTarget } from './encode-names.ts'
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
export const toStoredBatch = ({ outcomes, silent }: pb.StoredBatch): StoredBatch => ({
  type: 'stored-batch',
  outcomes: batch('outcomes', outcomes).map((one) => toOutcome(one, silent)),
})

function toOutcome({ outcome }: pb.PutOutcome, silent: readonly string[]): BatchOutcome {
  if (outcome.case === 'receipt') return { receipt: toReceipt(outcome.value, silent) }
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

const wireOutcome = (one: BatchOutcome): MessageInitShape<typeof pb.PutOutcomeSchema> => ({
  outcome:
    'receipt' in one
      ? { case: 'receipt', value: wireReceipt(one.receipt) }
      : { case: 'failure', value: wireFailure(one.failure) },
})

export const wireStoredBatch = ({
  outcomes,
}: StoredBatch): MessageInitShape<typeof pb.StoredBatchSchema> => ({
  outcomes: outcomes.map(wireOutcome),
  silent: silentIn(outcomes.map((one) => ('receipt' in one ? one.receipt : undefined))),
})

export const wireFailure = ({
  code,
  message,
  hint = '',
}: Failure): MessageInitShape<typeof pb.FailureSchema> => ({ code, message, hint })

/** Error: `protocol`. */
export const toStored = ({ receipts, silent }: pb.Stored): Stored => ({
  type: 'stored',
  receipts: batch('receipts', receipts).map((one) => toReceipt(one, silent)),
})

/** `silent`: what its message says of those that moved a tag. Error: `protocol`. */
export function toReceipt(receipt: pb.Receipt, silent: readonly string[]): Receipt {
  const { existed, previous, keptUntilMs } = receipt
  const known = {
    digest: digest(receipt.digest),
    size: count('size', receipt.size),
    incarnation: count('incarnation', receipt.incarnation),
    existed,
  }
  if (previous === undefined) return known
  if (silent.length > SILENT_LOCALS) throw malformed(`${silent.length} silent Locals`)
  const moved = {
    previous: toTarget(previous),
    ...(keptUntilMs !== undefined && { keptUntilMs: count('time', keptUntilMs) }),
    silent: silent.map(text),
  }
  return { ...known, moved }
}

export const wireStored = ({ receipts }: Stored): MessageInitShape<typeof pb.StoredSchema> => ({
  receipts: receipts.map(wireReceipt),
  silent: silentIn(receipts),
})

export const wireReceipt = ({
  digest: key,
  size,
  incarnation,
  existed,
  moved,
}: Receipt): MessageInitShape<typeof pb.ReceiptSchema> => ({
  digest: key,
  size: BigInt(size),
  incarnation: BigInt(incarnation),
  existed,
  ...(moved !== undefined && { previous: wireTarget(moved.previous) }),
  ...(moved?.keptUntilMs !== undefined && { keptUntilMs: BigInt(moved.keptUntilMs) }),
})

/** Locals that were silent when any of these puts moved its tag. */
export const silentIn = (receipts: readonly (Receipt | undefined)[]): string[] =>
  [...new Set(receipts.flatMap((one) => one?.moved?.silent ?? []))].slice(0, SILENT_LOCALS)
