/** Global's index with trees in it: what a put of a folder asks, and what the store then holds. */
import { toHex } from '../../../../src/bytes.ts'
import { encodeDirectory } from '../../../../src/directory/encoder.ts'
import { decodeDirectory } from '../../../../src/directory/reader.ts'
import { totalsOf, type Entry } from '../../../../src/directory/directory.ts'
import { hash } from '../../../../src/hash/hasher.ts'
import { SELF, type GlobalEffect } from '../../../../src/index/global/global-events.ts'
import type {
  Body,
  Digest,
  PresentItem,
  Receipt,
  Removed,
  Request,
} from '../../../../src/index/message.ts'
import { decodeKey, keyRow, removedRow } from '../../../../src/index/records/record.ts'
import {
  ADDING_ROWS,
  CASCADE_ROWS,
  ENDED_ROWS,
  HELD_ROWS,
  HOLD_ROWS,
  KEPT_ROWS,
  MISSING_ROW,
  MISSING_ROWS,
  UNCOUNTED_ROW,
  heldRow,
  keptRow,
} from '../../../../src/index/records/tree-record.ts'
import { Machine } from '../machine.ts'
import { decodeCounter } from '../../../../src/store/counters.ts'

export const HOLD: Uint8Array = new Uint8Array(16).fill(0)

/** A value on its way into a tree. */
export interface Made {
  readonly bytes: Uint8Array
  readonly digest: Digest
  readonly entry: Entry
}

export function file(text: string): Made {
  const bytes = Buffer.from(text)
  const { digest, size } = hash(bytes)
  return { bytes, digest, entry: { type: 'file', digest, size, executable: false } }
}

export function directory(children: Readonly<Record<string, Made>>): Made {
  const bytes = encodeDirectory(
    Object.entries(children).map(([name, { entry }]) => [name, entry] as const),
  )
  const { digest } = hash(bytes)
  const totals = totalsOf(decodeDirectory(bytes))
  return { bytes, digest, entry: { type: 'directory', digest, ...totals } }
}

export class TreeMachine extends Machine {
  #holds = 0
  readonly #queue: GlobalEffect[] = []
  #isBusy = false

  /** In order, not one inside another: a cascade is as long as its tree. */
  override carryOut(effect: GlobalEffect): void {
    // The base class carries out what its constructor begins.
    if (!(#queue in this)) return super.carryOut(effect)
    this.#queue.push(effect)
    if (this.#isBusy) return
    this.#isBusy = true
    for (;;) {
      const next = this.#queue.shift()
      if (next === undefined) break
      super.carryOut(next)
    }
    this.#isBusy = false
  }

  /** The id of a hold that was not opened yet. */
  nextHold(): Uint8Array {
    return new Uint8Array(16).fill(++this.#holds)
  }

  /** Commits from now on wait, each for a step. */
  pause(): void {
    this.holds.add('commit').add('commit-all')
  }

  /** Carries out the next commit that waits, and all that follows from it up to the next. */
  step(): boolean {
    const effect = this.held.shift()
    if (effect !== undefined) this.carryOut(effect)
    return effect !== undefined
  }

  /** Another machine with a copy of the store of this one, which begins a run. */
  copy(): TreeMachine {
    this.store.sync()
    const machine = new TreeMachine()
    machine.store.restore(this.store.backup())
    for (const [location, bytes] of this.bytes) machine.bytes.set(location, bytes)
    machine.start()
    return machine.recovered()
  }

  /** The process dies: commits that wait are lost. The next one begins a run. */
  crash(): void {
    this.held.length = 0
    this.holds.clear()
    this.start()
    this.recovered()
  }

  /** What recovery finds is found. */
  recovered(): this {
    this.tick(1)
    this.tick(1)
    return this
  }

  /** A request whose answer does not matter: to look for it takes time. */
  tell(body: Request): void {
    this.message(SELF, { id: 1, body })
  }

  openHold(id: Uint8Array = HOLD): Body {
    return this.answer({ type: 'hold', id, release: false })
  }

  releaseHold(id: Uint8Array = HOLD): Body {
    return this.answer({ type: 'hold', id, release: true })
  }

  putHeld(values: readonly Made[], hold: Uint8Array = HOLD): Body {
    const bytes = values.map((value) => value.bytes)
    return this.answer({ type: 'put', values: bytes, name: undefined, hold })
  }

  make(values: readonly Made[], hold: Uint8Array = HOLD): readonly (readonly PresentItem[])[] {
    const digests = values.map(({ digest }) => digest)
    const body = this.answer({ type: 'make-directories', hold, digests })
    if (body.type !== 'made-directories') throw new Error(JSON.stringify(body))
    return body.missing
  }

  commit(root: Made, name?: string, hold: Uint8Array = HOLD): Body {
    return this.answer({ type: 'commit-tree', hold, digest: root.digest, name })
  }

  /** Puts a tree: files, then directories, children before parents; the last one is its root. */
  putTree(
    files: readonly Made[],
    directories: readonly Made[],
    name?: string,
    hold: Uint8Array = this.nextHold(),
  ): Receipt {
    this.openHold(hold)
    this.putHeld([...files, ...directories], hold)
    for (const one of directories) {
      if (this.make([one], hold)[0]!.length > 0) throw new Error('children are missing')
    }
    const body = this.commit(directories.at(-1)!, name, hold)
    if (body.type !== 'stored') throw new Error(JSON.stringify(body))
    return body.receipts[0]!
  }

  remove({ digest }: Made, force = false): Body | undefined {
    return this.ask({ type: 'remove', digest, force, timeoutMs: undefined })()
  }

  removed(one: Made, force = false): Removed {
    const body = this.remove(one, force)
    if (body?.type !== 'removed') throw new Error(JSON.stringify(body))
    return body
  }

  unbind(name: string, keepValue = false): Body | undefined {
    return this.ask({ type: 'unbind', name, keepValue, timeoutMs: undefined })()
  }

  exists({ digest }: Made): boolean {
    return this.store.get(keyRow(digest)) !== undefined
  }

  isDirectory({ digest }: Made): boolean {
    const row = this.store.get(keyRow(digest))
    return row !== undefined && decodeKey(row).directory !== undefined
  }

  heldBy({ digest }: Made): number {
    return decodeCounter(this.store.get(heldRow(digest))?.value)
  }

  keptBy({ digest }: Made): number {
    return decodeCounter(this.store.get(keptRow(digest))?.value)
  }

  get missing(): number {
    return decodeCounter(this.store.get(MISSING_ROW)?.value)
  }

  /** Removed directories whose children are still counted. */
  get uncounted(): number {
    return decodeCounter(this.store.get(UNCOUNTED_ROW)?.value)
  }

  /**
   * Everything is at rest, and as the directories and names that exist want it: no key without
   * anything that keeps it, no wrong count, no missing child, no marker. Gives what is wrong.
   */
  faults(): string[] {
    const faults: string[] = []
    const keys = this.store.scan('keys', NONE)
    const held = new Map<string, number>()
    for (const row of keys) {
      const record = decodeKey(row)
      if (record.directory === undefined) continue
      const tree = decodeDirectory(this.bytes.get(record.location)!)
      const children = new Set(
        [...tree.values()].flatMap((one) => (one.type === 'link' ? [] : [toHex(one.digest)])),
      )
      for (const child of children) held.set(child, (held.get(child) ?? 0) + 1)
    }
    const existing = new Map(keys.map((row) => [toHex(row.id), decodeKey(row)]))
    for (const [id, { names, unnamed }] of existing) {
      if (!unnamed && names === 0 && !held.has(id)) faults.push(`orphan ${id}`)
    }
    for (const row of this.store.scan('meta', HELD_ROWS)) {
      const id = toHex(row.id.subarray(HELD_ROWS.byteLength))
      if (decodeCounter(row?.value) !== held.get(id)) faults.push(`count of ${id}`)
      held.delete(id)
    }
    for (const id of held.keys()) faults.push(`no count of ${id}`)
    for (const prefix of [ADDING_ROWS, CASCADE_ROWS, HOLD_ROWS, KEPT_ROWS]) {
      const left = this.store.scan('meta', prefix).length
      if (left > 0) faults.push(`${left} rows of ${Buffer.from(prefix).toString()}`)
    }
    const missing = this.store.scan('meta', MISSING_ROWS).length
    if (missing !== this.missing) faults.push(`${missing} missing, counted as ${this.missing}`)
    return faults
  }

  /** Holds that have ended and whose answers are kept. */
  get ended(): number {
    return this.store.scan('meta', ENDED_ROWS).length
  }

  /** Bytes that are adopted are released with their keys. */
  mark({ digest }: Made): unknown {
    return this.store.get(removedRow(digest))
  }
}

const NONE = new Uint8Array(0)
