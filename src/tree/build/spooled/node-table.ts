/** The shape of a tree, in typed arrays: what is in which folder, and where it is recorded. */

/** The node of the root, which has no name. */
export const ROOT = 0

/** Stands for no node. */
const NONE = -1

const FIRST_NODES = 1024

export class NodeTable {
  readonly #nameOf: (node: number) => string
  /** 36 bytes for each node, and at least 8 for the slots. */
  #parents = new Int32Array(FIRST_NODES).fill(NONE)
  #firsts = new Int32Array(FIRST_NODES).fill(NONE)
  #nexts = new Int32Array(FIRST_NODES).fill(NONE)
  #hashes = new Int32Array(FIRST_NODES)
  #places = new Float64Array(FIRST_NODES)
  /** Nodes by parent and name, the root left out; `ROOT` where the slot is free. */
  #slots = new Int32Array(FIRST_NODES * 2)
  readonly #seed = Math.floor(Math.random() * 2 ** 32)
  #size = 1

  /** `nameOf` is asked for the names of few nodes: those that have the hash that is looked for. */
  constructor(nameOf: (node: number) => string) {
    this.#nameOf = nameOf
  }

  /** Nodes, with the root. */
  get size(): number {
    return this.#size
  }

  find(parent: number, name: string): number | undefined {
    const hash = this.#hash(parent, name)
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const node = this.#slots[slot]!
      if (node === ROOT) return undefined
      if (this.#hashes[node] !== hash || this.#parents[node] !== parent) continue
      if (this.#nameOf(node) === name) return node
    }
  }

  /** Adds a node that is not there. */
  add(parent: number, name: string, place: number): number {
    const node = this.#size++
    if (node === this.#parents.length) this.#grow()
    this.#parents[node] = parent
    this.#nexts[node] = this.#firsts[parent]!
    this.#firsts[parent] = node
    this.#hashes[node] = this.#hash(parent, name)
    this.#places[node] = place
    this.#enter(node)
    return node
  }

  parentOf(node: number): number {
    return this.#parents[node]!
  }

  placeOf(node: number): number {
    return this.#places[node]!
  }

  move(node: number, place: number): void {
    this.#places[node] = place
  }

  hasChildren(node: number): boolean {
    return this.#firsts[node] !== NONE
  }

  /** The last that was added comes first. */
  *childrenOf(node: number): Generator<number, void, undefined> {
    for (let at = this.#firsts[node]!; at !== NONE; at = this.#nexts[at]!) yield at
  }

  /** Every node but the root. */
  *each(): Generator<number, void, undefined> {
    for (let node = 1; node < this.#size; node++) yield node
  }

  #enter(node: number): void {
    const mask = this.#slots.length - 1
    let slot = this.#hashes[node]! & mask
    while (this.#slots[slot] !== ROOT) slot = (slot + 1) & mask
    this.#slots[slot] = node
  }

  /** FNV-1a from a random start, so that no archive can be made whose names all meet. */
  #hash(parent: number, name: string): number {
    let hash = Math.imul(this.#seed ^ parent, 0x9e3779b1)
    for (let i = 0; i < name.length; i++) {
      hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
    }
    return (hash ^ (hash >>> 15)) | 0
  }

  #grow(): void {
    const size = this.#parents.length * 2
    const grown = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const next = new Int32Array(size).fill(NONE)
      next.set(old)
      return next
    }
    this.#parents = grown(this.#parents)
    this.#firsts = grown(this.#firsts)
    this.#nexts = grown(this.#nexts)
    this.#hashes = grown(this.#hashes)
    const places = new Float64Array(size)
    places.set(this.#places)
    this.#places = places
    this.#slots = new Int32Array(size * 2)
    // The last node is being added.
    for (let node = 1; node < this.#size - 1; node++) this.#enter(node)
  }
}
