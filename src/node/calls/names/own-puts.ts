/** Puts of many small values at a node that keeps the index. */
import { Key } from '../../../hash/key.ts'
import { errorOf } from '../../../index/failure.ts'
import type { Receipt } from '../../../index/message.ts'
import type { NamedValue, PutManyOptions, PutOutcome, PutResult } from '../../node.ts'
import { putBatches } from '../batches.ts'
import { heldUnder } from '../hold-id.ts'
import type { Ask } from '../index-calls.ts'
import { putNamed } from './named-batches.ts'
import { putResult } from './put-result.ts'

/** Without names, or under a hold. */
export function putManyHere(
  ask: Ask,
  values: readonly Uint8Array[],
  { hold }: PutManyOptions,
): Promise<PutResult[]> {
  const kept = { name: undefined, ...heldUnder(hold) }
  return putBatches(values, async (batch) => {
    const { receipts } = await ask({ type: 'put', values: batch, ...kept }, {})
    return receipts.map(resultOf)
  })
}

/** Each under a name of its own, or without one. */
export function putNamedHere(ask: Ask, items: readonly NamedValue[]): Promise<PutOutcome[]> {
  return putNamed(items, async (some) => {
    const { outcomes } = await ask({ type: 'put-batch', items: some }, {})
    return outcomes.map((one) =>
      'failure' in one ? { error: errorOf(one.failure) } : resultOf(one.receipt),
    )
  })
}

const resultOf = (receipt: Receipt): PutResult => putResult(new Key(receipt.digest), receipt)
