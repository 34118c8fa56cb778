/** The records of a member, in memory: what a replica applies, and what its disk keeps. */
import { Chain, type ChainPosition, BEFORE_FIRST } from '../../../src/journal/chain.ts'
import type { Change, EntryBody } from '../../../src/journal/entry.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { ReplicaPlace } from '../../../src/set/replica-place.ts'
import type { Follower } from '../../../src/store/disk/follower/follower.ts'

export const KINDS = ['put', 'remove', 'bind'] as const

/** A change of a caller. `mark` is its operation id: a repeat has the same. */
export interface Operation {
  readonly mark: number
  readonly kind: (typeof KINDS)[number]
  /** 0 to 7; of a binding the name. */
  readonly key: number
}

/** As an entry of the journal has it: the number of the smallest change says all. */
export const changeOf = ({ mark, kind, key }: Operation): Change => ({
  type: 'trim',
  upto: (mark * KINDS.length + KINDS.indexOf(kind)) * 8 + key,
})

export function operationsOf(body: EntryBody): Operation[] {
  if (body.kind !== 'changes') return []
  return body.changes.map((change) => {
    if (change.type !== 'trim') throw new TypeError('not a change of this simulation')
    const rest = Math.floor(change.upto / 8)
    const kind = KINDS[rest % KINDS.length]!
    return { mark: Math.floor(rest / KINDS.length), kind, key: change.upto % 8 }
  })
}

/** Rows that follow a journal. A change's seq is its place among the changes. */
export class SetRows {
  #chain: Chain
  readonly #done: Operation[]
  readonly #seqs = new Map<number, number>()
  readonly #incarnations = new Map<number, number>()
  readonly #bindings = new Map<number, number>()

  constructor(start: ChainPosition = BEFORE_FIRST, done: readonly Operation[] = []) {
    this.#chain = new Chain(start)
    this.#done = []
    for (const operation of done) this.#do(operation)
  }

  get chain(): ChainPosition {
    return this.#chain
  }

  get seq(): number {
    return this.#done.length
  }

  get done(): readonly Operation[] {
    return this.#done
  }

  /** Of an operation that was done. */
  seqOf(mark: number): number | undefined {
    return this.#seqs.get(mark)
  }

  /** Undefined where the key is not there. */
  incarnation(key: number): number | undefined {
    return this.#incarnations.get(key)
  }

  /** The seq of the binding of a name. */
  binding(name: number): number | undefined {
    return this.#bindings.get(name)
  }

  apply(entry: Uint8Array): void {
    for (const operation of operationsOf(this.#chain.accept(entry).body)) this.#do(operation)
  }

  /** The entries up to there are not read: they have no changes. */
  skipTo(end: ChainPosition): void {
    this.#chain = new Chain(end)
  }

  #do(operation: Operation): void {
    const { mark, kind, key } = operation
    // Repeated: its condition does not hold any more.
    if (this.#seqs.has(mark)) return
    this.#done.push(operation)
    const { seq } = this
    this.#seqs.set(mark, seq)
    if (kind === 'bind') this.#bindings.set(key, seq)
    else if (kind === 'remove') this.#incarnations.delete(key)
    else if (!this.#incarnations.has(key)) this.#incarnations.set(key, seq)
  }
}

/** The disk of a machine: it keeps the rows as of some position. */
export class SetDisk implements ReplicaPlace {
  readonly workDirectory = '/nowhere'
  /** Its records are to be discarded. */
  onLoad: () => void = () => undefined
  #kept: ChainPosition & { readonly done: readonly Operation[] } = { ...BEFORE_FIRST, done: [] }
  /** Those that a process has open. */
  #rows: SetRows | undefined

  openRows(): SetRows {
    return (this.#rows = new SetRows(this.#kept, this.#kept.done))
  }

  /** Takes what was applied so far to the disk. */
  flush(): void {
    if (this.#rows === undefined) return
    const { chain, done } = this.#rows
    const { position, digest } = chain
    this.#kept = { position, digest, done: [...done] }
  }

  /** Not if the process that opened them is gone. */
  close(rows: SetRows): void {
    if (rows !== this.#rows) return
    this.flush()
    this.#rows = undefined
  }

  /** The process is gone: nothing more is written. */
  crash(): void {
    this.#rows = undefined
  }

  async open(): Promise<Follower> {
    const rows = this.openRows()
    return {
      get position() {
        return { position: rows.chain.position, digest: rows.chain.digest }
      },
      apply: async (entries) => {
        for (const entry of entries) rows.apply(entry)
      },
      copyRecords: () => Promise.reject(new DstoreError('unsupported', 'not simulated')),
      rowsDigest: () => Promise.reject(new DstoreError('unsupported', 'not simulated')),
      rows: () => [],
      isNamed: () => true,
      close: async () => this.close(rows),
    }
  }

  /** Nothing is trimmed here: what was applied was in the journal, and stays there. */
  async load(): Promise<void> {
    this.onLoad()
    this.#kept = { ...BEFORE_FIRST, done: [] }
  }
}
