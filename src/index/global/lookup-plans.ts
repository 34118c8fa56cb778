/** Plans that only read: facts about keys and names (specs/004-index.md). */
import { decodeCounter } from '../../store/counters.ts'
import type { Digest, Fact, Locate, Lookup } from '../message.ts'
import { decodeBinding, decodeKey, keyRow, nameRow, type KeyRecord } from '../records/record.ts'
import { heldRow } from '../records/tree-record.ts'
import { answer, type Plan } from './plan.ts'

/** What these plans know beside the rows. */
export interface LookupContext {
  readonly holdersOf: HoldersOf
  /** Some key may be held by a directory and missing. */
  readonly mayLack: () => boolean
}

/** Peer ids of Locals that hold a value and serve it to others: a hint. */
export type HoldersOf = (digest: Digest) => readonly string[]

export function* locate({ digests, inline }: Locate, context: LookupContext): Plan {
  const keys = digests.map(keyRow)
  const [only] = digests.length === 1 ? digests : []
  const rows = yield only === undefined ? keys : [...keys, heldRow(only)]
  const records = digests.map((_, i) => {
    const row = rows[i]
    return row === undefined ? undefined : decodeKey(row)
  })
  return {
    type: 'load',
    values: records.map((one, i) =>
      inline && one !== undefined ? { ...one, digest: digests[i]! } : undefined,
    ),
    answer: (values) => ({
      type: 'located',
      // A batch of facts fits into one message only without names and holders.
      facts:
        only === undefined
          ? records.map((one, i) => factOf(one, values[i], { context }))
          : [
              factOf(records[0], values[0], {
                context,
                heldBy: decodeCounter(rows[1]?.value),
                holders: context.holdersOf(only),
              }),
            ],
    }),
  }
}

export function* lookup({ name, inline }: Lookup, context: LookupContext): Plan {
  for (;;) {
    const [bound] = yield [nameRow(name)]
    if (bound === undefined) return answer({ type: 'binding', found: undefined })
    const { digest, directory } = decodeBinding(bound)
    const [again, row, held] = yield [nameRow(name), keyRow(digest), heldRow(digest)]
    if (again?.version !== bound.version || row === undefined) continue
    const found = decodeKey(row)
    return {
      type: 'load',
      values: inline ? [{ ...found, digest }] : [undefined],
      answer: ([value]) => ({
        type: 'binding',
        found: {
          digest,
          incarnation: bound.version,
          fact: factOf(found, value, { context, holders: [], heldBy: decodeCounter(held?.value) })!,
          ...(directory && { directory }),
        },
      }),
    }
  }
}

/** Beside the record of a key. */
export interface FactOptions {
  readonly context?: Pick<LookupContext, 'mayLack'>
  /** Names go along only where holders do, which is for a single key. */
  readonly holders?: readonly string[]
  readonly heldBy?: number
}

export function factOf(
  found: KeyRecord | undefined,
  value: Uint8Array | undefined,
  { context, holders, heldBy = 0 }: FactOptions = {},
): Fact | undefined {
  if (found === undefined) return undefined
  const { size, incarnation, names, directory } = found
  return {
    size,
    incarnation,
    value,
    holders: holders ?? [],
    names: holders ? names : [],
    ...(heldBy > 0 && { heldBy }),
    ...(directory !== undefined && {
      directory: {
        size: directory.size,
        files: directory.files,
        mayLack: context?.mayLack() ?? false,
      },
    }),
  }
}
