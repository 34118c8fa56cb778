/** A node in memory that stores trees by the rules of holds, with the faults a test asks for. */
import { decodeDirectory } from '../../src/directory/reader.ts'
import type { Directory } from '../../src/directory/directory.ts'
import { DstoreError } from '../../src/errors.ts'
import { Key } from '../../src/hash/key.ts'
import type {
  CallOptions,
  HoldId,
  MadeDirectory,
  NodeIndex,
  NodeTrees,
  PutOptions,
  PutResult,
  ValueSource,
} from '../../src/node/node.ts'
import { FakeNode } from '../daemon/fake-node.ts'
import { keyOf } from '../../src/tree/read/entry-at.ts'

export class MemoryTrees extends FakeNode {
  override readonly trees: NodeTrees = {
    openHold: () => this.#openHold(),
    releaseHold: (hold) => this.#releaseHold(hold),
    present: (hold, keys) => this.#present(hold, keys),
    makeDirectories: (hold, keys) => this.#make(hold, keys),
    commitTree: (hold, root, options) => this.#commit(hold, root, options?.name),
  }
  /** Digests of directories whose edges are counted. */
  readonly made: Set<string> = new Set()
  readonly holds: Map<HoldId, Set<string>> = new Map()
  readonly roots: string[] = []
  /** Digests that were asked for, call by call. */
  readonly asked: string[][] = []
  /** Sizes of the values that came, by the digests that they have. */
  readonly received: Map<string, number> = new Map()
  /** Calls of `putMany`, with how many values each had. */
  readonly batches: number[] = []
  mayLack = false
  /** Called before a hold is opened. */
  beforeHold: () => void = () => undefined
  /** Called before each `makeDirectories`. */
  beforeMake: () => void = () => undefined
  /** Called when a value arrives. */
  onPut: (source: ValueSource) => void = () => undefined

  /** Forgets a value, as a removal by force does. */
  lose(digest: string): void {
    this.values.delete(textOf(digest))
    this.made.delete(digest)
  }

  /** The key of plain bytes, which is what values are found by. */
  textOf(digest: string): string {
    return textOf(digest)
  }

  directory(digest: string): Directory {
    return decodeDirectory(this.values.get(textOf(digest))!)
  }

  override async put(source: ValueSource, options: PutOptions = {}): Promise<PutResult> {
    this.onPut(source)
    const put = await super.put(source, options)
    this.received.set(put.key.toHex(), put.size)
    if (options.hold !== undefined) this.#held(options.hold).add(put.key.toHex())
    return put
  }

  override putMany(values: readonly Uint8Array[], options: CallOptions = {}): Promise<PutResult[]> {
    this.batches.push(values.length)
    return super.putMany(values, options)
  }

  override async stat(key: Key, options: CallOptions = {}): ReturnType<NodeIndex['stat']> {
    const facts = await super.stat(new Key(key.digest), options)
    if (facts === undefined || !this.made.has(key.toHex())) return facts
    const directory = { totalSize: 0, files: 0, mayLack: this.mayLack }
    return { ...facts, directory }
  }

  /** As the index does: the text of a key has its kind, and values have none. */
  override async bind(
    name: string,
    key: Key,
    options: CallOptions = {},
  ): ReturnType<NodeIndex['bind']> {
    return super.bind(name, new Key(key.digest), options)
  }

  async #openHold(): Promise<HoldId> {
    this.beforeHold()
    const hold = String(this.holds.size).padStart(32, '0')
    this.holds.set(hold, new Set())
    return Promise.resolve(hold)
  }

  async #releaseHold(hold: HoldId): Promise<void> {
    this.holds.delete(hold)
    return Promise.resolve()
  }

  #held(hold: HoldId): Set<string> {
    const held = this.holds.get(hold)
    if (held === undefined) throw new DstoreError('not-found', 'the hold has ended')
    return held
  }

  #exists(key: Key): boolean {
    const isStored = this.values.has(textOf(key.toHex()))
    return isStored && (key.kind === 'bytes' || this.made.has(key.toHex()))
  }

  async #present(hold: HoldId, keys: readonly Key[]): Promise<boolean[]> {
    const held = this.#held(hold)
    this.asked.push(keys.map((key) => key.toHex()))
    await Promise.resolve()
    return keys.map((key) => {
      const isThere = this.#exists(key)
      if (isThere) held.add(key.toHex())
      return isThere
    })
  }

  async #make(hold: HoldId, keys: readonly Key[]): Promise<MadeDirectory[]> {
    this.#held(hold)
    this.beforeMake()
    await Promise.resolve()
    const digests = new Set(keys.map((key) => key.toHex()))
    const made = keys.map((key) => {
      if (!this.values.has(textOf(key.toHex()))) throw new DstoreError('not-found', 'no such key')
      const missing: Key[] = []
      for (const entry of this.directory(key.toHex()).values()) {
        if (entry.type === 'link') continue
        const child = keyOf(entry)
        if (digests.has(child.toHex())) throw new Error('a directory with its own child')
        if (!this.#exists(child)) missing.push(child)
      }
      return { key, missing }
    })
    for (const { key, missing } of made) if (missing.length === 0) this.made.add(key.toHex())
    return made
  }

  async #commit(hold: HoldId, root: Key, name?: string): Promise<PutResult> {
    this.#held(hold)
    if (!this.#exists(root)) throw new DstoreError('not-found', 'no directory')
    if (name !== undefined) await this.bind(name, root)
    const existed = this.roots.includes(root.toHex())
    this.roots.push(root.toHex())
    this.holds.delete(hold)
    return { key: root, size: this.values.get(textOf(root.toHex()))!.byteLength, existed }
  }
}

const textOf = (digest: string): string => new Key(Buffer.from(digest, 'hex')).toString()
