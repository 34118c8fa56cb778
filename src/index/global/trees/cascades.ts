/**
 * Cascades: the removal of what a removed directory held (specs/004-index.md, R004-98 to R004-101).
 * Each removed directory has a marker in the store until its children are counted down; they are
 * worked off a few at a time, so memory does not grow with the tree.
 */
import { viewOf } from '../../../bytes.ts'
import { DstoreError } from '../../../errors.ts'
import { BATCH_ITEMS } from '../../../limits.ts'
import type { Increment, RecordKey, Row } from '../../../store/store.ts'
import type { Digest } from '../../message.ts'
import { decodeRemoved, encodeRemoved, removedRow, type KeyRecord } from '../../records/record.ts'
import {
  CASCADE_ROWS,
  UNCOUNTED_ROW,
  cascadeRow,
  cascadeRows,
  decodeCascade,
  encodeCascade,
  heldRow,
  type CascadeRecord,
  type Counted,
} from '../../records/tree-record.ts'
import type { Rules } from '../../rules.ts'
import type { Sealed } from '../plan.ts'
import { collect, nextDown } from './collect.ts'
import { attempt, childrenOf, read, scan, unchanged, type Flow, type FlowRunner } from './flow.ts'
import type { Beginning } from './key-removal.ts'

/** Markers that are worked off at the same time. */
const AT_ONCE = 8

/** How long a cascade rests after the store could not do its work. */
const RETRY_MS = 1000

/** How far a cascade has come, in this run. */
export interface CascadeProgress {
  /** Values that were removed, the first directory among them. */
  readonly removed: number
  readonly freedBytes: number
  /** At most so many are removed in the end. */
  readonly most: number
  /** The seq of the last removal that is durable. */
  readonly lastSeq: number
  /** When it did a step last. */
  readonly movedAt: number
  readonly hasEnded: boolean
}

/** Everything that the removal of one directory began. */
interface Tree {
  /** Markers that are left, as far as they are known. */
  left: number
  /** There may be a marker that is not worked off. */
  hasMore: boolean
  removed: number
  freedBytes: number
  most: number
  lastSeq: number
  movedAt: number
  hasEnded: boolean
}

export interface CascadesOptions {
  readonly rules: Rules
  /** Children that one transaction counts. */
  readonly batchItems: number
  readonly flows: FlowRunner
  readonly now: () => number
  /** The highest seq that is durable. */
  readonly highest: () => number
  /** A cascade has ended. */
  readonly onCascadeEnd: () => void
}

export class Cascades {
  readonly #options: CascadesOptions
  /** By the incarnation of the directory whose removal began it. */
  readonly #trees = new Map<number, Tree>()
  /** The incarnations of the directories whose markers are worked off. */
  readonly #running = new Set<number>()
  #isScanning = false
  #isRecovered = false
  /** Those that began before the markers of an earlier run were counted. */
  readonly #early = new Set<number>()
  #restsUntil = -Infinity

  constructor(options: CascadesOptions) {
    this.#options = options
  }

  /** A removal is durable that began a cascade, or went on with one. */
  began({ id, root, values }: Beginning, seq: number, { size }: { readonly size: number }): void {
    if (root.id === id) {
      const tree = this.#tree(id)
      tree.most = values
      this.#removed(tree, seq, size)
    }
    const tree = this.#tree(root.id)
    tree.left++
    tree.hasMore = true
    if (!this.#isRecovered) this.#early.add(id)
    this.poll()
  }

  /** The cascade that began with the removal of this directory, to wait for. */
  progress(root: number, most: number): CascadeProgress {
    const known = this.#trees.get(root)
    // After the count of what an earlier run left, one that is not known has just ended.
    if (known === undefined && this.#isRecovered) return { ...this.#newTree(), hasEnded: true }
    const tree = known ?? this.#tree(root)
    tree.most = Math.max(tree.most, most)
    return tree
  }

  /** Counts the markers that an earlier run left; from then on they are worked off. */
  *recover(): Flow<void> {
    let after: Uint8Array | undefined
    for (;;) {
      const rows = yield* scan('meta', CASCADE_ROWS, BATCH_ITEMS, after)
      for (const row of rows) {
        const id = cascadeOf(row)
        const tree = this.#tree(decodeCascade(row).root.id)
        tree.hasMore = true
        if (this.#early.has(id)) continue
        if (!this.#options.rules.cascadesResume) this.#running.add(id)
        tree.left++
      }
      if (rows.length < BATCH_ITEMS) break
      after = rows.at(-1)!.id
    }
    this.#early.clear()
    this.#isRecovered = true
    this.poll()
  }

  /**
   * Begins to work off markers, as many as may be at the same time, of one tree after another: a
   * small one does not wait for a large one.
   */
  poll(): void {
    const { flows, now } = this.#options
    if (!this.#isRecovered || this.#isScanning) return
    if (this.#running.size >= AT_ONCE || now() < this.#restsUntil) return
    const due = this.#nextTree()
    if (due === undefined) return
    const [root, tree] = due
    this.#isScanning = true
    tree.hasMore = false
    flows.run(
      scan('meta', cascadeRows(root), 2 * AT_ONCE),
      (rows) => {
        this.#isScanning = false
        // At least as many are not worked off as may be begun.
        const waiting = rows.map(cascadeOf).filter((id) => !this.#running.has(id))
        const room = Math.min(AT_ONCE - this.#running.size, Math.ceil(AT_ONCE / this.#trees.size))
        // A marker that came meanwhile need not be among the rows.
        tree.hasMore ||= rows.length === 2 * AT_ONCE || waiting.length > room
        for (const id of waiting.slice(0, room)) this.#start(root, id)
        this.poll()
      },
      () => {
        this.#isScanning = false
        this.#rest(tree)
      },
    )
  }

  /** The next tree in turn with a marker that may have to be worked off. */
  #nextTree(): [number, Tree] | undefined {
    for (const [root, tree] of this.#trees) {
      if (!tree.hasMore) continue
      this.#trees.delete(root)
      this.#trees.set(root, tree)
      return [root, tree]
    }
    return undefined
  }

  #start(root: number, id: number): void {
    this.#running.add(id)
    const ended = (): void => {
      this.#running.delete(id)
      this.poll()
    }
    this.#options.flows.run(this.#workOff(cascadeRow(root, id)), ended, () => {
      this.#rest(this.#tree(root))
      ended()
    })
  }

  #rest(tree: Tree): void {
    tree.hasMore = true
    this.#restsUntil = this.#options.now() + RETRY_MS
  }

  /** Counts the children of a removed directory down, and removes what nothing keeps any more. */
  *#workOff(key: RecordKey): Flow<void> {
    const { rules, batchItems } = this.#options
    let down: Digest[] | undefined
    for (;;) {
      const [row] = yield* read([key])
      if (row === undefined) return
      const record = decodeCascade(row)
      const { counted, root } = record
      const children = down ?? (yield* childrenAt(record, counted))
      if (children === undefined) return yield* this.#end(key, record, UNCOUNTED)
      yield* collect(children, {
        rules,
        batchItems,
        root,
        onRemoved: (seq, found, cascade) => this.#onRemoved(root.id, seq, found, cascade),
      })
      if (counted.upto === 0) return yield* this.#end(key, record, [])
      const next = nextDown(counted, batchItems)
      down = yield* childrenAt(record, next)
      if (down === undefined) return yield* this.#end(key, record, UNCOUNTED)
      yield* attempt({
        conditions: [unchanged(key, row)],
        writes: [{ key, value: encodeCascade({ ...record, counted: next }) }],
        increments: down.map((digest) => ({ key: heldRow(digest), by: -1 })),
      })
      this.#tree(root.id).movedAt = this.#options.now()
    }
  }

  /** All children are counted down: frees the bytes, and with the last marker says so. */
  *#end(key: RecordKey, record: CascadeRecord, increments: readonly Increment[]): Flow<void> {
    const { digest, root, location } = record
    const tree = this.#tree(root.id)
    tree.left--
    // Of markers that end at the same time, the one that is committed last says so.
    const isLast = tree.left === 0
    try {
      for (;;) {
        const mark = removedRow(root.digest)
        const [row, removed] = yield* read([key, mark])
        const was = removed === undefined ? undefined : decodeRemoved(removed)
        // The key may have been put again since, and removed again.
        const says = isLast && root.id !== 0 && was?.cascade === root.id
        const seq = yield* attempt({
          conditions: [unchanged(key, row), ...(says ? [unchanged(mark, removed)] : [])],
          change: { type: 'free', digest },
          writes: [{ key, value: undefined }],
          increments,
          ...(says && {
            mark: (latest) => {
              const size = Math.max(was.size, tree.freedBytes)
              return { key: mark, value: encodeRemoved({ seq: latest, size }) }
            },
          }),
          release: [location],
        })
        if (seq !== undefined) break
      }
    } catch (error) {
      tree.left++
      throw error
    }
    // Meanwhile another may have begun, of those that no request waits for.
    if (!isLast || tree.left > 0) return
    tree.hasEnded = true
    tree.lastSeq = Math.max(tree.lastSeq, this.#options.highest())
    tree.movedAt = this.#options.now()
    this.#trees.delete(root.id)
    this.#options.onCascadeEnd()
  }

  #onRemoved(root: number, seq: number, found: KeyRecord, cascade: Beginning | undefined): void {
    this.#removed(this.#tree(root), seq, found.size)
    if (cascade !== undefined) this.began(cascade, seq, found)
  }

  #removed(tree: Tree, seq: number, size: number): void {
    tree.removed++
    tree.freedBytes += size
    tree.lastSeq = Math.max(tree.lastSeq, seq)
    tree.movedAt = this.#options.now()
  }

  #tree(id: number): Tree {
    const known = this.#trees.get(id) ?? this.#newTree()
    this.#trees.set(id, known)
    return known
  }

  #newTree(): Tree {
    const { highest, now } = this.#options
    // What an earlier run removed is durable, and below this.
    const lastSeq = highest()
    const counts = { left: 0, removed: 0, freedBytes: 0, most: 0 }
    return { ...counts, lastSeq, movedAt: now(), hasMore: false, hasEnded: false }
  }
}

/** Its children stay counted: which they are cannot be read. */
const UNCOUNTED: readonly Increment[] = [{ key: UNCOUNTED_ROW, by: 1 }]

/** The children counted down and not yet looked at; undefined where the value is damaged. */
function* childrenAt(directory: Sealed, { upto, unchecked }: Counted): Flow<Digest[] | undefined> {
  if (upto === unchecked) return []
  try {
    const { items } = yield* childrenOf(directory, upto, unchecked - upto)
    return items.map(({ digest }) => digest)
  } catch (error) {
    if (error instanceof DstoreError && error.code === 'integrity') return undefined
    throw error
  }
}

/** The incarnation in the id of a marker. */
const cascadeOf = ({ id }: Row): number =>
  Number(viewOf(id).getBigUint64(CASCADE_ROWS.byteLength + 8))
