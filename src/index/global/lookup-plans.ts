/** Plans that only read: facts about keys and names (specs/004-index.md). */
import { NAMES_PER_ANSWER } from '../../limits.ts'
import { decodeCounter } from '../../store/counters.ts'
import { failure } from '../failure.ts'
import type { Digest, Fact, Locate, Lookup, TagHistory } from '../message.ts'
import { decodeBinding } from '../records/name-record.ts'
import { decodeKey, keyRow, nameRow, type KeyRecord } from '../records/record.ts'
import type { Rules } from '../rules.ts'
import { heldRow } from '../records/tree-record.ts'
import { someNames } from './names/named.ts'
import { foundOf, hasExpired } from './names/naming.ts'
import { answer, type Plan } from './plan.ts'

/** What these plans know beside the rows. */
export interface LookupContext {
  readonly holdersOf: HoldersOf
  /** Some key may be held by a directory and missing. */
  readonly mayLack: () => boolean
  /** Wall clock, whole milliseconds. */
  readonly wallMs: () => number
  readonly rules: Rules
}

/** Peer ids of Locals that hold a value and serve it to others: a hint. */
export type HoldersOf = (digest: Digest) => readonly string[]

export function* locate({ digests, inline, namesBelow }: Locate, context: LookupContext): Plan {
  const keys = digests.map(keyRow)
  const [only] = digests.length === 1 ? digests : []
  const rows = yield only === undefined ? keys : [...keys, heldRow(only)]
  const records = digests.map((_, i) => {
    const row = rows[i]
    return row === undefined ? undefined : decodeKey(row)
  })
  const [first] = records
  const isNamed = only !== undefined && first !== undefined
  const names = isNamed ? yield* someNames(only, first, NAMES_PER_ANSWER, namesBelow) : []
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
                names,
              }),
            ],
    }),
  }
}

export function* lookup({ name, inline }: Lookup, context: LookupContext): Plan {
  for (;;) {
    const [bound] = yield [nameRow(name)]
    if (bound === undefined) return answer({ type: 'binding', found: undefined })
    const binding = decodeBinding(bound)
    const isHidden = context.rules.expiryHides && hasExpired(binding, context.wallMs())
    if (isHidden) return answer({ type: 'binding', found: undefined })
    const { digest } = binding
    const [again, row, held] = yield [nameRow(name), keyRow(digest), heldRow(digest)]
    if (again?.version !== bound.version || row === undefined) continue
    const found = decodeKey(row)
    return {
      type: 'load',
      values: inline ? [{ ...found, digest }] : [undefined],
      answer: ([value]) => ({
        type: 'binding',
        found: foundOf(
          binding,
          bound.version,
          factOf(found, value, { context, heldBy: decodeCounter(held?.value) })!,
        ),
      }),
    }
  }
}

/** The last targets of a tag; none if it is not bound. */
export function* tagHistory({ name }: TagHistory, { wallMs }: LookupContext): Plan {
  const [row] = yield [nameRow(name)]
  const record = row && decodeBinding(row)
  if (record === undefined || hasExpired(record, wallMs())) {
    return answer({ type: 'tag-targets', targets: [] })
  }
  if (record.tag !== true) {
    return answer(failure('conflict', `the name ${name} is fixed: it has no history`))
  }
  const { digest, directory, boundMs, history = [] } = record
  const present = { digest, directory, ...(boundMs !== undefined && { atMs: boundMs }) }
  const targets = [present, ...history].map(({ directory: isTree, ...target }) => ({
    ...target,
    ...(isTree && { directory: true }),
  }))
  return answer({ type: 'tag-targets', targets })
}

/** Beside the record of a key. */
export interface FactOptions {
  readonly context?: Pick<LookupContext, 'mayLack'>
  readonly holders?: readonly string[]
  readonly names?: readonly string[]
  readonly heldBy?: number
}

export function factOf(
  found: KeyRecord | undefined,
  value: Uint8Array | undefined,
  { context, holders = [], names = [], heldBy = 0 }: FactOptions = {},
): Fact | undefined {
  if (found === undefined) return undefined
  const { size, incarnation, directory } = found
  return {
    size,
    incarnation,
    value,
    holders,
    names,
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
