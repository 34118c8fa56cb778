/** Which directories of an archive have come, which have which, and in what order they are made. */
import { Key } from '../../src/hash/key.ts'
import { DigestTable } from '../../src/tree/digest-table.ts'

/** Directories have numbers, in the order in which they or their parents came. */
export class ArrivedDirectories {
  readonly #digests = new DigestTable()
  /** Each edge as two numbers: a parent, and a directory in it. */
  readonly #edges = new Numbers()
  readonly #arrived = new Numbers()

  /** A directory has come, with the digests of the directories in it. */
  add(digest: Uint8Array, children: Iterable<Uint8Array>): void {
    const parent = this.#digests.add(digest)
    if (this.#arrived.at(parent) === 1) return
    this.#arrived.set(parent, 1)
    for (const child of new Set(Array.from(children, (one) => this.#digests.add(one)))) {
      this.#edges.push(parent)
      this.#edges.push(child)
    }
  }

  /** All have come. */
  link(): LinkedDirectories {
    const numbers = Array.from({ length: this.#digests.size }, (_, one) => one)
    const has = (one: number): boolean => this.#arrived.at(one) === 1
    return new LinkedDirectories(this.#digests, numbers.filter(has), this.#edges, has)
  }
}

/** The directories that have come, children and parents known. */
class LinkedDirectories {
  readonly #digests: DigestTable
  readonly #all: readonly number[]
  /** Edges by child, each with the next of the same child; -1 ends them. */
  readonly #firsts: Int32Array
  readonly #nexts: Int32Array
  readonly #parents: Int32Array
  /** Directories in each that are not made yet. */
  readonly #waitsFor: Int32Array
  readonly #made: Uint8Array

  constructor(
    digests: DigestTable,
    all: readonly number[],
    edges: Numbers,
    has: (one: number) => boolean,
  ) {
    this.#digests = digests
    this.#all = all
    this.#firsts = new Int32Array(digests.size).fill(-1)
    this.#waitsFor = new Int32Array(digests.size)
    this.#made = new Uint8Array(digests.size)
    this.#nexts = new Int32Array(edges.length / 2)
    this.#parents = new Int32Array(edges.length / 2)
    for (let edge = 0; edge * 2 < edges.length; edge++) {
      const [parent, child] = [edges.at(edge * 2), edges.at(edge * 2 + 1)]
      if (!has(child)) continue
      this.#parents[edge] = parent
      this.#nexts[edge] = this.#firsts[child]!
      this.#firsts[child] = edge
      this.#waitsFor[parent]!++
    }
  }

  keyOf(one: number): Key {
    return new Key(this.#digests.at(one), 'directory')
  }

  /** Those that have no others. */
  ready(): readonly number[] {
    return this.#all.filter((one) => !this.waits(one))
  }

  /** One is made. Yields its parents that wait for nothing more. */
  *made(one: number): Generator<number, void, undefined> {
    this.#made[one] = 1
    for (let edge = this.#firsts[one]!; edge >= 0; edge = this.#nexts[edge]!) {
      const parent = this.#parents[edge]!
      this.#waitsFor[parent]!--
      if (!this.waits(parent)) yield parent
    }
  }

  isMade(one: number): boolean {
    return this.#made[one] === 1
  }

  /** Is a directory in it not made? */
  waits(one: number): boolean {
    return this.#waitsFor[one]! > 0
  }

  /** Those that no other has. */
  roots(): readonly number[] {
    return this.#all.filter((one) => this.#firsts[one] === -1)
  }

  *unmade(): Generator<Key, void, undefined> {
    for (const one of this.#all) if (!this.isMade(one)) yield this.keyOf(one)
  }
}

/** A list of numbers below 2^31, four bytes each. */
class Numbers {
  #list = new Int32Array(64)
  length = 0

  push(number: number): void {
    this.set(this.length, number)
  }

  /** 0 where nothing was set. */
  at(index: number): number {
    return this.#list[index] ?? 0
  }

  set(index: number, number: number): void {
    if (index >= this.#list.length) {
      const grown = new Int32Array(Math.max(index + 1, this.#list.length * 2))
      grown.set(this.#list)
      this.#list = grown
    }
    this.#list[index] = number
    this.length = Math.max(this.length, index + 1)
  }
}
