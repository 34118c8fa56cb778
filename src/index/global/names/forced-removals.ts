/**
 * Forced removals of keys with more names than one change unbinds (specs/004-index.md, R004-117). A
 * row marks each from its first change to its last; what a crash interrupted goes on in the
 * background.
 */
import { NAMES_PER_CHANGE } from '../../../limits.ts'
import type { Write } from '../../../store/store.ts'
import type { Digest } from '../../message.ts'
import {
  REMOVING_ROWS,
  nameIn,
  namedRows,
  removingDigest,
  removingRow,
} from '../../records/name-record.ts'
import { nameRow, type KeyRecord } from '../../records/record.ts'
import { conditionsOf, type ChangeParts } from '../plan.ts'
import { attempt, read, scan, type Flow, type FlowRunner } from '../trees/flow.ts'
import { removalOf, stateOf, stateRows, unawaited, type OnCascade } from '../trees/key-removal.ts'
import { withoutNames } from './named.ts'

/** Marks that are looked at in one go. */
const AT_ONCE = 64

/** How long it rests after the store could not do its work. */
const RETRY_MS = 1000

const IS_REMOVING = Uint8Array.of(1)

/** Marks that the key is being removed by force. */
export const removing = (digest: Digest): Write => ({
  key: removingRow(digest),
  value: IS_REMOVING,
})

/** The change that unbinds some of its names. */
export const namesCut = (
  digest: Digest,
  found: KeyRecord,
  names: readonly string[],
): Pick<ChangeParts, 'change' | 'writes'> => ({
  change: {
    type: 'unbind',
    digest,
    names,
    ...(found.directory !== undefined && { directory: true }),
  },
  writes: [
    ...names.map((name) => ({ key: nameRow(name), value: undefined })),
    ...withoutNames(digest, found, names).writes,
  ],
})

export interface ForcedRemovalsOptions {
  readonly flows: FlowRunner
  readonly now: () => number
  /** A key is about to be removed that directories hold. */
  readonly onMissing: () => void
  readonly onCascade: OnCascade
}

export class ForcedRemovals {
  readonly #options: ForcedRemovalsOptions
  /** Marks of an earlier run may be left. */
  #state: 'due' | 'running' | 'done' = 'due'
  #restsUntil = -Infinity

  constructor(options: ForcedRemovalsOptions) {
    this.#options = options
  }

  /** A removal that is in progress failed: its mark may be left. */
  failed(): void {
    if (this.#state === 'done') this.#state = 'due'
    this.#restsUntil = this.#options.now() + RETRY_MS
  }

  tick(): void {
    const { flows, now } = this.#options
    if (this.#state !== 'due' || now() < this.#restsUntil) return
    this.#state = 'running'
    flows.run(
      this.#endAll(),
      () => (this.#state = 'done'),
      () => {
        this.#state = 'due'
        this.#restsUntil = now() + RETRY_MS
      },
    )
  }

  *#endAll(): Flow<void> {
    let after: Uint8Array | undefined
    for (;;) {
      const rows = yield* scan('meta', REMOVING_ROWS, AT_ONCE, after)
      for (const row of rows) yield* this.#end(removingDigest(row))
      if (rows.length < AT_ONCE) return
      after = rows.at(-1)!.id
    }
  }

  *#end(digest: Digest): Flow<void> {
    const unmarked = { key: removingRow(digest), value: undefined }
    const keys = [removingRow(digest), ...stateRows(digest)]
    for (;;) {
      const rows = yield* read(keys)
      if (rows[0] === undefined) return
      const state = stateOf(digest, rows, 1)
      const conditions = conditionsOf(keys, rows)
      const { found } = state
      if (found === undefined) {
        if ((yield* attempt({ conditions, writes: [unmarked] })) !== undefined) return
        continue
      }
      const { listed = [] } = found
      const own = yield* scan('meta', namedRows(digest), NAMES_PER_CHANGE)
      const names = [...listed, ...own.map(nameIn)].slice(0, NAMES_PER_CHANGE)
      if (names.length < found.names) {
        yield* attempt({ conditions, ...namesCut(digest, found, names) })
        continue
      }
      const { parts, cascade } = removalOf({ ...state, found }, names, unawaited())
      if (state.held > 0) this.#options.onMissing()
      const writes = [...parts.writes, unmarked]
      const seq = yield* attempt({ ...parts, conditions, writes })
      if (seq === undefined) continue
      if (cascade !== undefined) this.#options.onCascade(cascade, seq, found)
      return
    }
  }
}
