/**
 * Plans that store values, and bind names in the same change (specs/004-index.md, "Rules: names"
 * and "Rules: offers").
 */
import { GROUP_BYTES, TAG_KEEP_MS } from '../../limits.ts'
import { failure } from '../failure.ts'
import type { Body, Digest, Naming, Offer, Operation, Receipt } from '../message.ts'
import {
  decodeKey,
  encodeKey,
  keyRow,
  nameRow,
  removedRow,
  type KeyRecord,
} from '../records/record.ts'
import { missingRow } from '../records/tree-record.ts'
import {
  bindingRows,
  expired,
  isNewTarget,
  leftBy,
  mayBind,
  movedBy,
  operationOf,
  placedAs,
  wantedOf,
  type NamingContext,
  type Placed,
} from './names/bind-plan.ts'
import { verifyDigest, wrongUse } from './names/foreign.ts'
import { firstName } from './names/named.ts'
import { decide } from './names/naming.ts'
import { replaced, type Replaced } from './names/replaced.ts'
import type { Finish, Origin, Task } from './plan-runner.ts'
import {
  answer,
  confirm,
  type Done,
  type Outcome,
  type Plan,
  type Sealed,
  type StoredFacts,
} from './plan.ts'
import { stateOf, stateRows } from './trees/key-removal.ts'
import { madeWhole } from './trees/missing.ts'

/** What puts know beside the rows. */
export interface PutContext {
  /** Some key may be held by a directory and missing. */
  readonly mayLack: () => boolean
  readonly naming: NamingContext
}

/** What a put binds in the same change, and its operation. */
export interface PutAs extends Operation {
  readonly name?: string | undefined
  readonly naming?: Naming | undefined
}

/** Adopts a sealed value under its key, unless the key exists; binds a name in the same change. */
export function* put(value: Sealed, as: PutAs, context: PutContext): Plan {
  const done = (have: Receipt): Done => confirm({ type: 'stored', receipts: [have] })
  if (as.name !== undefined) return yield* putNamed(value, { ...as, name: as.name }, context, done)
  const { digest, size, location } = value
  const { mayLack } = context
  const withMissing = [keyRow(digest), missingRow(digest)]
  let isAsked = mayLack()
  let rows = yield isAsked ? withMissing : [keyRow(digest)]
  // It may be a removal of this very key that is the reason, and that came before the look-up.
  if (rows[0] === undefined && !isAsked && mayLack()) {
    isAsked = true
    rows = yield withMissing
  }
  if (rows[0] !== undefined) return putAgain(decodeKey(rows[0]), digest, as, done)
  const made = madeWhole(digest, isAsked ? rows[1] : undefined, false)
  return {
    type: 'change',
    change: { type: 'put', digest, size, names: [], ...own(as) },
    writes: [
      { key: keyRow(digest), value: encodeKey({ size, location, names: 0, unnamed: true }) },
      { key: removedRow(digest), value: undefined },
      ...made.writes,
    ],
    ...(made.increments.length > 0 && { increments: made.increments }),
    adopt: [location],
    next: (incarnation) =>
      answer({ type: 'stored', receipts: [{ digest, size, incarnation, existed: false }] }),
  }
}

const own = ({ operation }: Operation): Operation => (operation ? { operation } : {})

/** Of an offer, the value is not there yet, and has no location. */
type Offered = Omit<Sealed, 'location'> & { readonly location?: string }

/**
 * `done`: how a put ends whose value exists; `absent`: the end of the offer of one that does not.
 */
function* putNamed(
  { digest, size, location, verifiedAs }: Offered,
  as: PutAs & { readonly name: string },
  context: PutContext,
  done: (have: Receipt) => Done,
  absent: Done = confirm({ type: 'held' }),
): Plan {
  const { name, naming = {} } = as
  const wrong = wrongUse(name, naming)
  if (wrong !== undefined) return answer(wrong)
  for (;;) {
    const wanted = wantedOf({ name, digest }, naming, naming.tag === true, context.naming)
    const [before] = yield [nameRow(name)]
    const left = leftBy(before, wanted)
    const first = [keyRow(digest), ...bindingRows(name)]
    const known = left === undefined ? first : [...first, ...stateRows(left)]
    const isAsked = context.mayLack()
    const rows = yield isAsked ? [...known, missingRow(digest)] : known
    const [row, taken] = rows
    if (taken?.version !== before?.version) continue
    // It may be a removal of this very key that is the reason, and that came before the look-up.
    if (row === undefined && !isAsked && context.mayLack()) continue
    const decision = decide(taken, wanted)
    if (decision.type === 'failure') return answer(decision)
    if (decision.type === 'expired') {
      return yield* expired(name, taken!, decision.before, context.naming)
    }
    const found = row && decodeKey(row)
    const isNew = isNewTarget(decision)
    if (found === undefined && !isNew) {
      return answer(failure('internal', `the name ${name} has no value`))
    }
    const above = rows.slice(2, first.length)
    const conditions = isNew ? yield* mayBind(wanted, above, context.naming) : []
    if ('type' in conditions) return answer(conditions)
    if (found === undefined && location === undefined) return absent
    if (decision.type === 'new') {
      const known = verifiedAs === undefined ? {} : { verifiedAs }
      const value =
        location === undefined
          ? { digest, size: found!.size, location: found!.location }
          : { digest, size, location, ...known }
      yield* verifyDigest(name, value, location === undefined)
    }
    const state = left === undefined ? undefined : stateOf(left, rows, first.length)
    const keep = { ...wanted, keepMs: naming.keepMs ?? TAG_KEEP_MS }
    const leaves = state && replaced(state, name, keep, context.naming)
    const key = found ?? { size, location: location!, names: 0, unnamed: false, incarnation: 0 }
    const have = { digest, size: key.size, incarnation: key.incarnation, existed: true }
    if (decision.type === 'same') return done(have)
    const placed = placedAs(wanted, decision, key, leaves, context.naming)
    // Which Locals are silent is known when the change is durable.
    const moved = (): Pick<Receipt, 'moved'> => movedBy(placed.change, context.naming.silent)
    if (found !== undefined) {
      return namesExisting(placed, as, key, leaves, () => done({ ...have, ...moved() }))
    }
    const sealed = { digest, size, location: location! }
    const made = madeWhole(digest, isAsked ? rows[known.length] : undefined, false)
    return storesNamed(sealed, as, placed, leaves, { made, moved })
  }
}

/** The change that gives a value its name that exists already. */
function namesExisting(
  { change, writes, committed }: Placed,
  as: Operation,
  key: KeyRecord,
  leaves: Replaced | undefined,
  done: () => Done,
): Outcome {
  return {
    type: 'change',
    change: { ...change, ...operationOf(as, key) },
    writes,
    ...(leaves && { increments: leaves.increments }),
    next: () => {
      committed()
      return done()
    },
  }
}

/** The change that stores a value under its first name. */
function storesNamed(
  { digest, size, location }: Sealed,
  as: Operation & { readonly name: string },
  { change, own: nameWrites, committed }: Placed,
  leaves: Replaced | undefined,
  {
    made,
    moved,
  }: {
    readonly made: ReturnType<typeof madeWhole>
    readonly moved: () => Pick<Receipt, 'moved'>
  },
): Outcome {
  const { name } = as
  const from = change.type === 'rebind' ? { moved: change.moved } : {}
  return {
    type: 'change',
    change: { type: 'put', digest, size, names: [name], ...from, ...own(as) },
    writes: [
      { key: keyRow(digest), value: encodeKey({ size, location, names: 1, unnamed: false }) },
      { key: removedRow(digest), value: undefined },
      firstName(digest, name),
      ...nameWrites,
      ...(leaves?.writes ?? []),
      ...made.writes,
    ],
    increments: [...made.increments, ...(leaves?.increments ?? [])],
    adopt: [location],
    next: (incarnation) => {
      committed()
      const receipt = { digest, size, incarnation, existed: false, ...moved() }
      return answer({ type: 'stored', receipts: [receipt] })
    },
  }
}

/** Puts a sealed value. */
export function putTask(
  origin: Origin,
  value: Sealed,
  as: PutAs,
  context: PutContext,
  finish: Finish,
): Task {
  return { origin, begin: () => put(value, as, context), sealed: value.location, finish }
}

/**
 * Puts sealed values. `finish` is called once, when the last one is put or the first has failed;
 * for none at once.
 */
export function putTasks(
  origin: Origin,
  values: readonly Sealed[],
  as: PutAs,
  context: PutContext,
  finish: Finish,
): Task[] {
  const put = joined(values.length, finish)
  return values.map((value, at) => putTask(origin, value, as, context, (body) => put(at, body)))
}

/**
 * Takes the outcome of each of several puts. `finish` is called once, when the last one is put or
 * the first has failed; for none at once.
 */
export function joined(
  count: number,
  finish: (body: Body) => void,
): (at: number, body: Body) => void {
  const receipts = Array.from<Receipt | undefined>({ length: count })
  let left = count
  if (left === 0) finish({ type: 'stored', receipts: [] })
  return (at, body) => {
    if (left <= 0) return
    if (body.type === 'stored') receipts[at] = body.receipts[0]
    left = body.type === 'stored' ? left - 1 : 0
    const stored = { type: 'stored', receipts: receipts as Receipt[] } as const
    if (left === 0) finish(body.type === 'stored' ? stored : body)
  }
}

/** May this large value be sent? For a value that exists and is whole, this is the put. */
export function* offer(request: Offer, context: PutContext): Plan {
  const { digest, size, name } = request
  const inspect = (have: Receipt | undefined, found: KeyRecord | undefined): Done => ({
    type: 'inspect',
    digest,
    location: found?.location,
    answer: ({ isDamaged, keptBytes }: StoredFacts) =>
      have !== undefined && !isDamaged
        ? { type: 'offered', have, sendFrom: 0 }
        : { type: 'offered', have: undefined, sendFrom: Math.min(keptBytes, lastGroup(size)) },
  })
  const [row] = yield [keyRow(digest)]
  const found = row && decodeKey(row)
  const done = (have: Receipt): Done => inspect(have, found)
  if (name !== undefined) {
    // The upload that follows is the operation, or what the offer finds, and not both.
    const as = { ...request, name }
    return yield* putNamed({ digest, size }, as, context, done, inspect(undefined, undefined))
  }
  return found === undefined
    ? inspect(undefined, undefined)
    : putAgain(found, digest, request, done)
}

/**
 * Where the last chunk group of a value begins. An upload sends it in any case, for it proves the
 * size.
 */
export const lastGroup = (size: number): number =>
  Math.max(0, Math.ceil(size / GROUP_BYTES) - 1) * GROUP_BYTES

/** A put without a name of a key that exists. */
function putAgain(
  found: KeyRecord,
  digest: Digest,
  as: PutAs,
  doneWith: (have: Receipt) => Done,
): Outcome {
  const { size, incarnation } = found
  const done = doneWith({ digest, size, incarnation, existed: true })
  if (found.unnamed) return done
  return {
    type: 'change',
    change: { type: 'put', digest, size, names: [], ...own(as) },
    writes: [{ key: keyRow(digest), value: encodeKey({ ...found, unnamed: true }) }],
    next: () => done,
  }
}
