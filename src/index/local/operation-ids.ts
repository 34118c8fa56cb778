/**
 * The ids of the operations of a Local (specs/004-index.md, R004-125 and R004-132): 8 bytes of its
 * boot id, then a number. It tells Global which it will never repeat, as ranges of numbers, so that
 * Global need not remember them.
 */
import { viewOf } from '../../bytes.ts'
import { OPERATIONS, OPERATION_ID_BYTES, SETTLED_RANGES } from '../../limits.ts'
import type { SettledOperations } from '../message.ts'

const PREFIX_BYTES = 8

/** Values of the first or the last 4 bytes of a number. */
const HALF = 2 ** 32

export class OperationIds {
  readonly #prefix: Uint8Array
  #last = 0
  /** The numbers of operations that ended since Global was told last. */
  readonly #ended = new Set<number>()

  /** `bootId`: random, and new at every start. */
  constructor(bootId: Uint8Array) {
    this.#prefix = bootId.slice(0, PREFIX_BYTES)
  }

  /** Runs an operation, which may send its id any number of times until it settles. */
  async run<T>(work: (operation: Uint8Array) => Promise<T>): Promise<T> {
    const id = this.begin()
    try {
      return await work(id)
    } finally {
      this.end(id)
    }
  }

  /** The id of an operation that begins, for a caller that ends it itself. */
  begin(): Uint8Array {
    return this.#id(++this.#last)
  }

  /** The operation has settled: its id is not sent again. */
  end(id: Uint8Array): void {
    // Global forgets by itself what it is not told.
    if (this.#ended.size < OPERATIONS) this.#ended.add(numberOf(id))
  }

  /** Number of operations that ended since Global was told last. */
  get ended(): number {
    return this.#ended.size
  }

  /** What has ended, for one message. */
  takeSettled(): SettledOperations[] {
    const numbers = [...this.#ended].toSorted((a, b) => a - b)
    const ranges: { readonly first: number; count: number }[] = []
    for (const number of numbers) {
      const last = ranges.at(-1)
      if (last !== undefined && last.first + last.count === number) last.count++
      else if (ranges.push({ first: number, count: 1 }) > SETTLED_RANGES) {
        ranges.pop()
        break
      }
      this.#ended.delete(number)
    }
    return ranges.map(({ first, count }) => ({ first: this.#id(first), count }))
  }

  #id(number: number): Uint8Array {
    const id = new Uint8Array(OPERATION_ID_BYTES)
    id.set(this.#prefix)
    const view = viewOf(id)
    view.setUint32(PREFIX_BYTES, Math.floor(number / HALF))
    view.setUint32(PREFIX_BYTES + 4, number % HALF)
    return id
  }
}

function numberOf(id: Uint8Array): number {
  const view = viewOf(id)
  return view.getUint32(PREFIX_BYTES) * HALF + view.getUint32(PREFIX_BYTES + 4)
}
