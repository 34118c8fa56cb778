/**
 * A tree whose entries come in any order, the later of two at one path being the one that counts.
 * Where each entry stands takes about 40 bytes of memory; the entries themselves are in a file.
 */
import { encodeDirectory, entryBytes } from '../../../directory/encoder.ts'
import { totalsOf, type DirectoryEntry, type Entry } from '../../../directory/directory.ts'
import { DstoreError } from '../../../errors.ts'
import { hash } from '../../../hash/hasher.ts'
import { Key } from '../../../hash/key.ts'
import { DIRECTORY_BYTES, DIRECTORY_DEPTH, DIRECTORY_ENTRIES } from '../../../limits.ts'
import type { BuiltDirectory } from '../build-tree.ts'
import type { EntryRecord } from './entry-record.ts'
import { NodeTable, ROOT } from './node-table.ts'
import { RecordFile } from './record-file.ts'

/** A directory of the tree. All that are below it come before it. */
export interface SpooledDirectory extends BuiltDirectory {
  /** Levels below it. */
  readonly height: number
}

type OwnEntry = NonNullable<EntryRecord['entry']>

/** To be closed. */
export class SpooledTree {
  readonly #records: RecordFile
  readonly #nodes: NodeTable
  /** The way to the entry that was looked for last: the next one is often beside it. */
  #way: { readonly name: string; readonly node: number }[] = []

  /** `folder` is for its temporary file, by default that of the system. */
  constructor(folder?: string) {
    this.#records = new RecordFile(folder)
    this.#nodes = new NodeTable((node) => this.#nameOf(node))
  }

  /** Entries and folders, the root left out. */
  get size(): number {
    return this.#nodes.size - 1
  }

  /**
   * Puts an entry, or with undefined a folder, at a path of checked names. Errors: `too-large` for
   * a path of too many levels; `unwritable`, `no-space`.
   */
  set(path: string, entry: OwnEntry | undefined): void {
    const names = path.split('/')
    // The root is a level, and a folder at the end of the path is another.
    if (names.length + Number(entry === undefined) > DIRECTORY_DEPTH) {
      throw new DstoreError('too-large', `a tree has at most ${DIRECTORY_DEPTH} levels: ${path}`)
    }
    const way = this.#find(names)
    for (const name of names.slice(way.length)) {
      const at = this.#records.append({ name, entry: undefined })
      way.push({ name, node: this.#nodes.add(way.at(-1)?.node ?? ROOT, name, at) })
    }
    const { name, node } = way.at(-1)!
    this.#nodes.move(node, this.#records.append({ name, entry }))
  }

  /** What is at a path of names: an entry, a folder, or nothing. */
  get(names: readonly string[]): OwnEntry | 'folder' | undefined {
    const way = this.#find(names)
    if (way.length < names.length) return undefined
    return this.#recordOf(way.at(-1)!.node).entry ?? 'folder'
  }

  /** Every symbolic link with its path. */
  *links(): Generator<{ readonly names: readonly string[]; readonly target: string }> {
    for (const node of this.#nodes.each()) {
      const { entry } = this.#recordOf(node)
      if (entry?.type === 'link') yield { names: this.#pathOf(node), target: entry.target }
    }
  }

  /** The directories, the root last. Errors: `usage` for an entry below a file; `too-large`. */
  *directories(): Generator<SpooledDirectory, void, undefined> {
    yield* this.#directory(ROOT)
  }

  close(): void {
    this.#records.close()
  }

  *#directory(
    folder: number,
  ): Generator<SpooledDirectory, { readonly entry: DirectoryEntry; readonly height: number }> {
    const entries = new Map<string, Entry>()
    let height = 0
    let bytes = 0
    for (const node of this.#nodes.childrenOf(folder)) {
      const { name, entry: own } = this.#recordOf(node)
      if (own !== undefined && this.#nodes.hasChildren(node)) {
        const path = this.#pathOf(node).join('/')
        throw new DstoreError('usage', `two entries are at one path: ${path}`)
      }
      let entry: Entry | undefined = own
      if (entry === undefined) {
        const below = yield* this.#directory(node)
        height = Math.max(height, below.height + 1)
        ;({ entry } = below)
      }
      entries.set(name, entry)
      bytes += entryBytes(name, entry)
      if (entries.size > DIRECTORY_ENTRIES || bytes > DIRECTORY_BYTES) {
        throw tooWide(this.#pathOf(folder).join('/'))
      }
    }
    const value = encodeDirectory(entries)
    const key = new Key(hash(value).digest, 'directory')
    yield { key, bytes: value, height }
    return { entry: { type: 'directory', digest: key.digest, ...totalsOf(entries) }, height }
  }

  /** The nodes on the way to a path, as far as they are there. */
  #find(names: readonly string[]): { name: string; node: number }[] {
    let shared = 0
    while (shared < names.length && this.#way[shared]?.name === names[shared]) shared++
    const way = this.#way.slice(0, shared)
    for (const name of names.slice(shared)) {
      const node = this.#nodes.find(way.at(-1)?.node ?? ROOT, name)
      if (node === undefined) break
      way.push({ name, node })
    }
    this.#way = way
    return way
  }

  #pathOf(node: number): string[] {
    const names: string[] = []
    for (let at = node; at !== ROOT; at = this.#nodes.parentOf(at)) names.push(this.#nameOf(at))
    return names.toReversed()
  }

  #recordOf(node: number): EntryRecord {
    return this.#records.read(this.#nodes.placeOf(node))
  }

  #nameOf(node: number): string {
    return this.#recordOf(node).name
  }
}

const tooWide = (path: string): DstoreError =>
  new DstoreError(
    'too-large',
    `${path === '' ? 'the archive' : path} has too many entries: a directory has at most ` +
      `${DIRECTORY_ENTRIES} of them, in ${DIRECTORY_BYTES} bytes`,
    { hint: 'spread its entries over several folders' },
  )
