/** An archive as it is written: the values, and behind them the names of those that are in it (R007-41). */
import { once } from '../../src/bytes.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { asDstoreError } from '../../src/errors.ts'
import type { Collected, Missing } from './collect.ts'
import { NamesPage } from './names.ts'
import { ArchiveWriter } from './writer.ts'

export class Archive {
  readonly #client: Client
  readonly #writer: ArchiveWriter
  readonly #onBytes: (doneBytes: number) => void
  readonly #names = new NamesPage()
  values = 0
  names = 0
  doneBytes = 0

  constructor(
    client: Client,
    write: (bytes: Uint8Array) => Promise<void>,
    onBytes: (doneBytes: number) => void,
  ) {
    this.#client = client
    this.#writer = new ArchiveWriter(write)
    this.#onBytes = onBytes
  }

  /** Add a value; what keeps it from being had, where nothing of it was written yet. Rejects where something was. */
  async add({ facts, bytes }: Collected): Promise<Missing | undefined> {
    const { key, size } = facts
    let pieces: AsyncIterable<Uint8Array>
    try {
      pieces = bytes === undefined ? (await this.#client.get(key)).bytes : once(bytes)
    } catch (error) {
      return { word: key, fault: asDstoreError(error) }
    }
    await this.#writer.add(key, size, this.#counted(pieces))
    // In an order of their own: they come as they were bound.
    const names = facts.names.toSorted().map((name) => ({ name, key }))
    if (this.#names.isFullWith(names)) await this.#writeNames()
    this.#names.add(names)
    this.values++
    this.names += names.length
    return undefined
  }

  async end(): Promise<void> {
    await this.#writeNames()
    await this.#writer.end()
  }

  abandon(reason: unknown): void {
    this.#writer.abandon(reason)
  }

  async #writeNames(): Promise<void> {
    const { file, bytes } = this.#names.take()
    await this.#writer.add(file, bytes.byteLength, once(bytes))
  }

  async *#counted(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      yield piece
      this.#onBytes((this.doneBytes += piece.byteLength))
    }
  }
}
