/**
 * Sends of a hashed tree what does not exist yet, under a hold, and makes its directories (R008-52
 * to R008-57). It asks for directories from the root down, and descends only into missing ones.
 */
import { join } from 'node:path'
import { once } from '../../bytes.ts'
import type { FileEntry } from '../../directory/directory.ts'
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import { batchesOf } from '../../node/calls/batches.ts'
import type { CallOptions, HoldId, Node, NodeTrees } from '../../node/node.ts'
import type { HashedDirectory, HashedTree } from './hashed-tree.ts'
import { readSmall } from './read-small.ts'
import { TreeCounter } from './tree-progress.ts'
import type { OnTreeProgress } from './tree-progress.ts'
import { ValueSender } from './value-sender.ts'
import type { Sendable } from './value-sender.ts'

/** How often a directory is made again for which something is missing. */
const ATTEMPTS = 3

/** Values that were sent. */
export interface Sent {
  readonly files: number
  readonly directories: number
  /** Of both. */
  readonly bytes: number
}

interface TreeSenderParts {
  readonly node: Node
  readonly trees: NodeTrees
  readonly hold: HoldId
  readonly tree: HashedTree
  /** Where the root is read. */
  readonly path: string
  /** What messages call it. */
  readonly label: string
  readonly calls: CallOptions
  readonly onTreeProgress: OnTreeProgress | undefined
}

export class TreeSender {
  readonly #parts: TreeSenderParts
  readonly #counter: TreeCounter
  readonly #values: ValueSender
  /** Does some directory of the store lack a child? Then every value is asked for. */
  #mayLack: boolean | undefined
  #sentFiles = 0
  #sentDirectories = 0

  constructor(parts: TreeSenderParts) {
    this.#parts = parts
    this.#counter = new TreeCounter('store', parts.onTreeProgress, parts.tree.root)
    this.#values = new ValueSender({ ...parts, distrust: parts.tree.distrust })
  }

  get sent(): Sent {
    const { bytes } = this.#values
    return { files: this.#sentFiles, directories: this.#sentDirectories, bytes }
  }

  /** Resolves when the root can be committed. */
  async send(): Promise<void> {
    await this.#complete([this.#parts.tree.root])
    this.#counter.finish()
  }

  /** Makes these directories and what they lack. */
  async #complete(directories: readonly HashedDirectory[]): Promise<void> {
    const { missing, doubtful } = await this.#missingOf(directories)
    await this.#sendFiles([...missing, ...doubtful])
    await this.#sendDirectories(missing)
    await this.#make(missing)
  }

  /** Those that do not exist, and those that do but may lack children. Each key comes once. */
  async #missingOf(directories: readonly HashedDirectory[]): Promise<{
    readonly missing: HashedDirectory[]
    readonly doubtful: HashedDirectory[]
  }> {
    const missing: HashedDirectory[] = []
    const doubtful: HashedDirectory[] = []
    const seen = new Set<string>()
    for (let level = directories; level.length > 0;) {
      const asked = level.filter((one) => isNew(seen, one.key.toHex()))
      const present = await this.#present(asked.map(({ key }) => key))
      const below: HashedDirectory[] = []
      for (const [index, one] of asked.entries()) {
        const isThere = present[index]!
        if (isThere && !(await this.#lacks(one.key))) {
          this.#counter.add(one.files, one.size)
          continue
        }
        ;(isThere ? doubtful : missing).push(one)
        for (const child of one.children) below.push(child)
      }
      level = below
    }
    return { missing, doubtful }
  }

  /** May this directory, which exists, lack something below it? Asked once. */
  async #lacks(key: Key): Promise<boolean> {
    const { node, calls } = this.#parts
    this.#mayLack ??= (await node.index.stat(key, calls))?.directory?.mayLack ?? true
    return this.#mayLack
  }

  async #present(keys: readonly Key[]): Promise<boolean[]> {
    const { trees, hold, calls } = this.#parts
    return keys.length === 0 ? [] : trees.present(hold, keys, calls)
  }

  /** Sends the files in these directories that do not exist. */
  async #sendFiles(directories: readonly HashedDirectory[]): Promise<void> {
    this.#sentFiles += await this.#values.sendMissing(this.#filesIn(directories), this.#counter)
  }

  *#filesIn(directories: readonly HashedDirectory[]): Generator<Sendable, void, undefined> {
    for (const directory of directories) {
      for (const [name, entry] of this.#parts.tree.entriesOf(directory)) {
        if (entry.type === 'file') yield this.#file(directory, name, entry)
      }
    }
  }

  #file({ relative }: HashedDirectory, name: string, { digest, size }: FileEntry): Sendable {
    const path = join(this.#parts.path, relative, name)
    const label = this.#labelOf(join(relative, name))
    const read = (): Uint8Array | undefined => readSmall(path, label)
    return { key: new Key(digest), size, label, read, source: () => ({ path }) }
  }

  #labelOf(relative: string): string {
    const { label } = this.#parts
    if (relative === '') return label
    return label.endsWith('/') ? label + relative : `${label}/${relative}`
  }

  /** Sends the bytes of directories. */
  async #sendDirectories(directories: readonly HashedDirectory[]): Promise<void> {
    const { tree } = this.#parts
    const values = directories.map((one): Sendable => {
      const read = (): Uint8Array => tree.valueOf(one)
      const source = (): { bytes: AsyncIterable<Uint8Array>; size: number } => ({
        bytes: once(read()),
        size: one.bytes,
      })
      const label = this.#labelOf(one.relative)
      return { key: one.key, size: one.bytes, label, read, source }
    })
    await this.#values.send(values)
    this.#sentDirectories += directories.length
  }

  /** Children before parents. A child is lower than its parents; so are its equals elsewhere. */
  async #make(directories: readonly HashedDirectory[]): Promise<void> {
    const levels = new Map<number, HashedDirectory[]>()
    for (const one of directories) {
      const level = levels.get(one.height)
      if (level === undefined) levels.set(one.height, [one])
      else level.push(one)
    }
    const heights = [...levels.keys()].toSorted((a, b) => a - b)
    for (const height of heights) {
      const level = levels.get(height)!
      for (const batch of batchesOf(level)) await this.#makeBatch(batch)
    }
  }

  async #makeBatch(batch: readonly HashedDirectory[]): Promise<void> {
    const { trees, hold, calls } = this.#parts
    let left = batch
    for (let attempt = 0; ; attempt++) {
      const keys = left.map(({ key }) => key)
      const made = await trees.makeDirectories(hold, keys, calls)
      const incomplete = made.flatMap(({ missing }, index) =>
        missing.length === 0 ? [] : [{ directory: left[index]!, missing }],
      )
      if (incomplete.length === 0) return
      left = incomplete.map(({ directory }) => directory)
      if (attempt === ATTEMPTS) {
        const name = this.#labelOf(left[0]!.relative)
        throw new DstoreError('conflict', `what is in ${name} is being removed meanwhile`, {
          hint: 'repeat the put when the removal is done',
        })
      }
      for (const { directory, missing } of incomplete) await this.#supply(directory, missing)
    }
  }

  /** Sends children of a directory that were removed since they were asked for. */
  async #supply(directory: HashedDirectory, missing: readonly Key[]): Promise<void> {
    const wanted = new Set(missing.map((key) => key.toHex()))
    const files: Sendable[] = []
    for (const [name, entry] of this.#parts.tree.entriesOf(directory)) {
      if (entry.type !== 'file' || !wanted.has(new Key(entry.digest).toHex())) continue
      files.push(this.#file(directory, name, entry))
    }
    await this.#values.send(files)
    const folders = directory.children.filter(({ key }) => wanted.has(key.toHex()))
    if (folders.length > 0) await this.#complete(folders)
  }
}

/** Adds to a set; false if it was in there. */
function isNew(seen: Set<string>, one: string): boolean {
  if (seen.has(one)) return false
  seen.add(one)
  return true
}
