/**
 * Makes directories of values: counts each of their children as held (specs/004-index.md, R004-93
 * to R004-96). The children of a wide directory are counted in several transactions; it is a
 * directory after the last of them.
 */
import type { Child, Children } from '../../../directory/children.ts'
import { DstoreError } from '../../../errors.ts'
import { DIRECTORY_DEPTH } from '../../../limits.ts'
import type { Condition, Increment, Write } from '../../../store/store.ts'
import type { Digest, PresentItem } from '../../message.ts'
import { decodeKey, encodeKey, keyRow, type KeyRecord } from '../../records/record.ts'
import {
  addingRow,
  decodeAdding,
  encodeAdding,
  heldRow,
  holdRow,
  missingRow,
} from '../../records/tree-record.ts'
import { textOf, type Rows } from '../plan.ts'
import { attempt, childrenOf, confirm, read, unchanged, type Flow } from './flow.ts'
import { recordOf, renew, renewal, type HoldContext } from './holds.ts'
import { madeWhole } from './missing.ts'

/** What the children that are counted so far make of a directory. */
interface Measured {
  readonly depth: number
  readonly values: number
}

const NOTHING_COUNTED = { counted: { upto: 0, unchecked: 0 }, depth: 1, values: 1 }

/**
 * Makes a directory of a stored value. Gives the children that do not exist, at most a batch; for
 * none, it is made. Throws `not-found` without the value, `integrity` for a value that is none or
 * states wrong sizes, `too-large` beyond `DIRECTORY_DEPTH`.
 */
export function* makeDirectory(
  hold: Uint8Array,
  digest: Digest,
  context: HoldContext,
): Flow<PresentItem[]> {
  for (;;) {
    const own = [holdRow(hold), keyRow(digest), addingRow(digest)]
    const mayLack = context.mayLack()
    const keys = mayLack ? [...own, missingRow(digest)] : own
    const [holder, row, adding, missing] = yield* read(keys)
    // It may be the removal of this directory that is the reason, and that came before the look-up.
    if (!mayLack && context.mayLack()) continue
    const renewed = renewal(hold, holder, context)
    if (row === undefined) {
      throw new DstoreError('not-found', `no such key: ${textOf(digest)}`, {
        hint: 'put its bytes before it is made a directory',
      })
    }
    const found = decodeKey(row)
    if (found.directory !== undefined) {
      if (!(yield* renew(hold, renewed))) continue
      yield* confirm()
      return []
    }
    const { counted, ...before } = adding === undefined ? NOTHING_COUNTED : decodeAdding(adding)
    const children = yield* childrenOf({ ...found, digest }, counted.upto, context.batchItems)
    const { items, count, size, files } = children
    const rows = yield* read(items.map((child) => keyRow(child.digest)))
    const { lacking, measured, ...examined } = examine(digest, children, rows, before)
    if (lacking.length > 0) {
      if (yield* renew(hold, renewed)) return lacking
      continue
    }
    const conditions = context.rules.childrenExist ? examined.conditions : []
    const upto = counted.upto + items.length
    const increments = items.map((child) => ({ key: heldRow(child.digest), by: 1 }))
    const isLast = upto === count
    const asRead = unchanged(keyRow(digest), row)
    const step = { digest, renewed, conditions: [asRead, ...conditions], increments }
    if (isLast) {
      const directory = { size, files, children: count, ...measured }
      const made = madeWhole(digest, missing, true)
      const writes: Write[] = [
        { key: keyRow(digest), value: encodeKey({ ...found, directory }) },
        ...(adding === undefined ? [] : [{ key: addingRow(digest), value: undefined }]),
        ...renewed,
        ...made.writes,
      ]
      const seq = yield* attempt({
        conditions: [
          { present: holdRow(hold) },
          unchanged(keyRow(digest), row),
          ...asCounted(digest, adding, context),
          ...conditions,
          ...made.conditions,
        ],
        change: { type: 'put', digest, size: found.size, names: [], directory: true },
        writes,
        increments: [...increments, ...made.increments],
      })
      if (seq !== undefined) return []
    } else {
      const record = { counted: { upto, unchecked: upto }, ...measured }
      yield* countSome(hold, step, adding, encodeAdding(record), context)
    }
  }
}

/** Throws `integrity` if this is a directory and its children cannot be read. */
export function* readable(digest: Digest): Flow<void> {
  const [row] = yield* read([keyRow(digest)])
  const found = row && decodeKey(row)
  if (found?.directory === undefined) return
  try {
    yield* childrenOf({ ...found, digest }, 0, 1)
  } catch (error) {
    if (!(error instanceof DstoreError) || error.code !== 'integrity') throw error
    const why = `the bytes of ${textOf(digest, 'directory')} are damaged, and say what it holds`
    const hint = 'use --force to remove it alone, then: dstore verify --counts'
    throw new DstoreError('integrity', why, { cause: error, hint })
  }
}

interface CountStep {
  readonly digest: Digest
  readonly renewed: readonly Write[]
  readonly conditions: readonly Condition[]
  readonly increments: readonly Increment[]
}

/**
 * Counts some of the children, and not the last. The hold records the directory each time, so that
 * its end finds what was left half counted.
 */
function* countSome(
  hold: Uint8Array,
  { digest, renewed, conditions, increments }: CountStep,
  adding: Rows[number],
  value: Uint8Array,
  context: HoldContext,
): Flow<void> {
  const write = { key: addingRow(digest), value }
  // Made by another put meanwhile, it has all of its children counted, and no such row either.
  const { record: _, ...first } = recordOf(hold, [digest], [], context)
  yield* attempt({
    conditions: [...first.conditions, ...asCounted(digest, adding, context), ...conditions],
    writes: [...first.writes, ...renewed, write],
    increments: [...first.increments!, ...increments],
  })
}

/** As many children are counted as were when they were read. */
const asCounted = (
  digest: Digest,
  adding: Rows[number],
  { rules }: HoldContext,
): readonly Condition[] => (rules.countedOnce ? [unchanged(addingRow(digest), adding)] : [])

/** What the rows of some children say: which of them lack, or what they make of the directory. */
function examine(
  digest: Digest,
  { items }: Children,
  rows: Rows,
  before: Measured,
): { lacking: PresentItem[]; conditions: Condition[]; measured: Measured } {
  const lacking: PresentItem[] = []
  const conditions: Condition[] = []
  let { depth, values } = before
  items.forEach((child, i) => {
    const key = keyRow(child.digest)
    const row = rows[i]
    const found = row === undefined ? undefined : decodeKey(row)
    const { totals } = child
    if (found === undefined || (totals !== undefined && found.directory === undefined)) {
      lacking.push({ digest: child.digest, directory: totals !== undefined })
      return
    }
    checkSizes(digest, child, found)
    if (totals !== undefined) depth = Math.max(depth, 1 + found.directory!.depth)
    values = Math.min(Number.MAX_SAFE_INTEGER, values + (found.directory?.values ?? 1))
    // A directory might be removed and its bytes put again; bytes stay what they are.
    conditions.push(totals === undefined ? { present: key } : unchanged(key, row))
  })
  if (depth > DIRECTORY_DEPTH) {
    throw new DstoreError('too-large', `a tree is at most ${DIRECTORY_DEPTH} directories deep`)
  }
  return { lacking, conditions, measured: { depth, values } }
}

function checkSizes(digest: Digest, { fileSize, totals, ...child }: Child, found: KeyRecord): void {
  const { directory } = found
  const isSound =
    (fileSize === undefined || fileSize === found.size) &&
    (totals === undefined || (totals.size === directory!.size && totals.files === directory!.files))
  if (isSound) return
  throw new DstoreError(
    'integrity',
    `not a directory: ${textOf(digest)} states a wrong size of ${textOf(child.digest)}`,
  )
}
