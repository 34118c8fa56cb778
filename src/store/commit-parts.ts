/**
 * Cuts transactions that belong together, so that those of one call fit into one entry of a set's
 * journal (specs/005-storage.md, R005-140).
 */
import { changeBytes } from '../journal/encode.ts'
import { COMMIT_BYTES, SMALL_VALUE_BYTES } from '../limits.ts'
import type { Transaction } from './store.ts'

/** What an entry says of an adopted value beside its bytes, generously. */
const ADOPTED_BYTES = 64

/**
 * The parts as pairs: where one begins, and where it ends. `valueBytes`: at most how many bytes the
 * records take of each value that the transaction there adopts.
 */
export function* commitParts(
  transactions: readonly Transaction[],
  valueBytes: (at: number) => number = () => SMALL_VALUE_BYTES,
): Generator<readonly [number, number], void, undefined> {
  let [first, bytes] = [0, 0]
  for (const [at, transaction] of transactions.entries()) {
    const own = transactionBytes(transaction, valueBytes(at))
    if (at > first && bytes + own > COMMIT_BYTES) {
      yield [first, at]
      ;[first, bytes] = [at, 0]
    }
    bytes += own
  }
  if (first < transactions.length) yield [first, transactions.length]
}

function transactionBytes(transaction: Transaction, valueBytes: number): number {
  const { conditions, writes, increments = NONE, entry, adopt = NONE, release = NONE } = transaction
  const change = { conditions, writes, increments, entry, adopt: NONE, release }
  const adopted = adopt.length * (ADOPTED_BYTES + valueBytes)
  return changeBytes({ type: 'transaction', ...change }) + adopted
}

const NONE: readonly never[] = []
