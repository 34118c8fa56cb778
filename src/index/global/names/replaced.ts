/** What becomes of the target that a tag had before (specs/004-index.md, R004-121). */
import type { Increment, Write } from '../../../store/store.ts'
import { KEEP, keepRow } from '../../records/keep-record.ts'
import { keptRow } from '../../records/tree-record.ts'
import type { KeyState } from '../trees/key-removal.ts'
import { withoutNames } from './named.ts'
import { timeAfter } from './naming.ts'

/** What keeps replaced targets knows beside the rows. */
export interface KeepContext {
  /** The seq that began this run. */
  readonly run: number
  /** A number that is unique in this run. */
  readonly nextNumber: () => number
  /** A target is kept until then, durably. */
  readonly onKept: (keep: Write, forMs: number) => void
}

export interface Replaced {
  readonly writes: readonly Write[]
  readonly increments: readonly Increment[]
  /** It is kept, as nothing else holds it: until then, by the wall clock. */
  readonly keptUntilMs?: number
  /** To be called once the change is durable. */
  readonly committed: () => void
}

/** The key loses a name of a tag that moves; it stays for a while, if nothing else holds it. */
export function replaced(
  { digest, found, held }: KeyState,
  name: string,
  { keepMs, wallMs }: { readonly keepMs: number; readonly wallMs: number },
  context: KeepContext,
): Replaced {
  const nothing = { writes: [], increments: [], committed: () => undefined }
  if (found === undefined) return nothing
  const { writes, found: rest } = withoutNames(digest, found, [name])
  if (rest.names > 0 || rest.unnamed || held > 0) return { ...nothing, writes }
  const keptUntilMs = timeAfter(wallMs, keepMs)
  const key = keepRow({ untilMs: keptUntilMs, digest }, context.run, context.nextNumber())
  const keep = { key, value: KEEP }
  return {
    writes: [...writes, keep],
    increments: [{ key: keptRow(digest), by: 1 }],
    keptUntilMs,
    committed: () => context.onKept(keep, keepMs),
  }
}
