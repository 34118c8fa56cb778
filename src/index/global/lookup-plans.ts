/** Plans that only read: facts about keys and names (specs/004-index.md). */
import type { Digest, Fact, Locate, Lookup } from '../message.ts'
import { decodeKey, decodeName, keyRow, nameRow, type KeyRecord } from '../records/record.ts'
import { answer, type Plan } from './plan.ts'

/** Peer ids of Locals that hold a value and serve it to others: a hint. */
export type HoldersOf = (digest: Digest) => readonly string[]

export function* locate({ digests, inline }: Locate, holdersOf: HoldersOf): Plan {
  const rows = yield digests.map(keyRow)
  const records = rows.map((row) => (row === undefined ? undefined : decodeKey(row)))
  return {
    type: 'load',
    values: records.map((one, i) =>
      inline && one !== undefined ? { ...one, digest: digests[i]! } : undefined,
    ),
    answer: (values) => ({
      type: 'located',
      // A batch of facts fits into one message only without names and holders.
      facts:
        digests.length === 1
          ? [factOf(records[0], values[0], holdersOf(digests[0]!))]
          : records.map((one, i) => factOf(one, values[i])),
    }),
  }
}

export function* lookup({ name, inline }: Lookup): Plan {
  for (;;) {
    const [bound] = yield [nameRow(name)]
    if (bound === undefined) return answer({ type: 'binding', found: undefined })
    const digest = decodeName(bound)
    const [again, row] = yield [nameRow(name), keyRow(digest)]
    if (again?.version !== bound.version || row === undefined) continue
    const found = decodeKey(row)
    return {
      type: 'load',
      values: inline ? [{ ...found, digest }] : [undefined],
      answer: ([value]) => ({
        type: 'binding',
        found: { digest, incarnation: bound.version, fact: factOf(found, value, [])! },
      }),
    }
  }
}

/** Names go along only where holders do, which is for a single key. */
export function factOf(
  found: KeyRecord | undefined,
  value: Uint8Array | undefined,
  holders?: readonly string[],
): Fact | undefined {
  if (found === undefined) return undefined
  const { size, incarnation, names } = found
  return { size, incarnation, value, holders: holders ?? [], names: holders ? names : [] }
}
