/** Pins of a node without a cache: they are held at once, or fail as the test says. */
import { DstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import type { NodePins, Pin, PinOptions } from '../../src/node/node.ts'

export class FakePins implements NodePins {
  readonly held: Map<string, Pin> = new Map()
  /** The options of each call of `pin`. */
  readonly calls: PinOptions[] = []
  fault: DstoreError | undefined

  async pin(word: string, options: PinOptions = {}): Promise<Pin> {
    this.calls.push(options)
    options.onProgress?.({ phase: 'fetch', doneBytes: 1, totalBytes: 3 })
    if (this.fault !== undefined) throw this.fault
    const key = new Key(hash(Buffer.from(word)).digest)
    const pin: Pin = { word, key, size: 3, heldBytes: 3, state: 'held' }
    this.held.set(word, pin)
    return pin
  }

  async unpin(word: string): Promise<string> {
    if (!this.held.delete(word)) throw new DstoreError('not-found', `not pinned: ${word}`)
    return word
  }

  async find(word: string): Promise<Pin> {
    const pin = this.held.get(word)
    if (pin === undefined) throw new DstoreError('not-found', `not pinned: ${word}`)
    return pin
  }

  async *pins(): AsyncGenerator<Pin> {
    yield* this.held.values()
  }
}
