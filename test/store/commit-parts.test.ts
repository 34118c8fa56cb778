/** How transactions that belong together are cut into calls. */
import * as fc from 'fast-check'
import { changeBytes } from '../../src/journal/encode.ts'
import { HEAD_BYTES } from '../../src/journal/entry.ts'
import { COMMIT_BYTES, JOURNAL_INLINE_BYTES, SMALL_VALUE_BYTES } from '../../src/limits.ts'
import { commitParts } from '../../src/store/commit-parts.ts'
import type { Transaction } from '../../src/store/store.ts'
import { test } from '../serial.ts'

const LOCATION = '0000000100000000000a'

interface Made {
  readonly transaction: Transaction
  /** Of each value that it adopts. */
  readonly valueBytes: number
}

const made = fc
  .record({
    rows: fc.integer({ min: 0, max: 3 }),
    rowBytes: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 300_000 })),
    adopted: fc.integer({ min: 0, max: 2 }),
    valueBytes: fc.integer({ min: 0, max: SMALL_VALUE_BYTES }),
    conditions: fc.integer({ min: 0, max: 5 }),
    hasEntry: fc.boolean(),
  })
  .map(({ rows, rowBytes, adopted, valueBytes, conditions, hasEntry }): Made => {
    const key = { table: 'meta', id: new Uint8Array(40) } as const
    const transaction = {
      conditions: Array.from({ length: conditions }, () => ({ key, version: 1 })),
      writes: Array.from({ length: rows }, () => ({ key, value: new Uint8Array(rowBytes) })),
      increments: [{ key, by: 1 }],
      entry: hasEntry ? new Uint8Array(100) : undefined,
      adopt: Array.from({ length: adopted }, () => LOCATION),
    }
    return { transaction, valueBytes }
  })

/** What an entry says of it. */
function entryBytes({ transaction, valueBytes }: Made): number {
  const { conditions, writes, increments = [], entry, adopt = [], release = [] } = transaction
  const value = { location: LOCATION, size: valueBytes, outboardBytes: 0, place: 'small' } as const
  const adopted = adopt.map(() => ({ ...value, bytes: new Uint8Array(valueBytes) }))
  const change = { conditions, writes, increments, entry, adopt: adopted, release }
  return changeBytes({ type: 'transaction', ...change })
}

test('R005-140 parts have all transactions in their order, and each fits into a message', (t) => {
  fc.assert(
    fc.property(fc.array(made, { maxLength: 40 }), (all) => {
      const transactions = all.map(({ transaction }) => transaction)
      const parts = [...commitParts(transactions, (at) => all[at]!.valueBytes)]
      t.deepEqual(
        parts.flatMap(([first, end]) => transactions.slice(first, end)),
        transactions,
      )
      for (const [i, [first, end]] of parts.entries()) {
        const bytes = all.slice(first, end).reduce((sum, one) => sum + entryBytes(one), 0)
        const fits = bytes <= COMMIT_BYTES && HEAD_BYTES + 4 + bytes <= JOURNAL_INLINE_BYTES
        t.true(fits || end === first + 1, `${end - first} of ${bytes} bytes`)
        // No more parts than that takes: what follows would not have fitted.
        const next = parts[i + 1]
        if (next === undefined) continue
        const generous =
          64 * all.slice(first, end + 1).flatMap((one) => one.transaction.adopt!).length
        t.true(bytes + entryBytes(all[next[0]]!) + generous > COMMIT_BYTES)
      }
    }),
  )
})

test('R005-140 without what the values take, the most is assumed', (t) => {
  const one = { conditions: [], writes: [], entry: undefined, adopt: [LOCATION] }
  const parts = [...commitParts(Array.from({ length: 64 }, () => one))]
  t.true(parts.length >= 2)
  for (const [first, end] of parts) t.true((end - first) * SMALL_VALUE_BYTES <= COMMIT_BYTES)
  t.deepEqual([...commitParts([])], [])
})
