/** Writes an archive: values, each few followed by a file with their names (R007-41, R007-105). */
import { once } from '../../src/bytes.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { asDstoreError } from '../../src/errors.ts'
import { ARCHIVE_NAMES_EVERY_BYTES, BATCH_ITEMS } from '../../src/limits.ts'
import { counted } from '../terminal/progress.ts'
import { NamesPage } from './names-file.ts'
import type { SelectedValue } from './selection.ts'
import { BLOCK_BYTES, paddingOf } from './tar-header.ts'
import { bytesKey, type UnavailableValue } from './tree-selection.ts'
import { TarWriter } from './tar-writer.ts'

export class Exporter {
  readonly #client: Client
  readonly #writer: TarWriter
  readonly #onBytes: (doneBytes: number) => void
  readonly #names = new NamesPage()
  /** Since the last file of names, in bytes of the archive. */
  #unnamedBytes = 0
  values = 0
  names = 0
  doneBytes = 0

  /** `write` receives the archive; `onBytes` how many bytes of values are written. */
  constructor(
    client: Client,
    write: (bytes: Uint8Array) => Promise<void>,
    onBytes: (doneBytes: number) => void,
  ) {
    this.#client = client
    this.#writer = new TarWriter(write)
    this.#onBytes = onBytes
  }

  /**
   * Add a value. Returns the fault of a value that cannot be fetched, if nothing of it was written;
   * rejects if something was, because the archive is then cut off.
   */
  async add({ key, size, names, bytes }: SelectedValue): Promise<UnavailableValue | undefined> {
    let pieces: AsyncIterable<Uint8Array>
    try {
      pieces = bytes === undefined ? (await this.#client.get(bytesKey(key))).bytes : once(bytes)
    } catch (error) {
      return { text: key, fault: asDstoreError(error) }
    }
    const before = this.doneBytes
    const sent = counted(pieces, (bytes) => this.#onBytes((this.doneBytes = before + bytes)))
    await this.#writer.add(key, size, sent)
    // A value may have more names than one list.
    for (let at = 0; at < names.length; at += BATCH_ITEMS) {
      const some = names.slice(at, at + BATCH_ITEMS)
      if (this.#names.isFullWith(some)) await this.#writeNames()
      this.#names.add(some)
    }
    this.values++
    this.names += names.length
    this.#unnamedBytes += BLOCK_BYTES + size + paddingOf(size)
    const isDue = this.#unnamedBytes >= ARCHIVE_NAMES_EVERY_BYTES
    if (isDue && this.#names.hasNames) await this.#writeNames()
    return undefined
  }

  async end(): Promise<void> {
    if (!this.#names.isNeedless) await this.#writeNames()
    await this.#writer.end()
  }

  abandon(reason: unknown): void {
    this.#writer.abandon(reason)
  }

  async #writeNames(): Promise<void> {
    this.#unnamedBytes = 0
    const { file, bytes } = this.#names.take()
    await this.#writer.add(file, bytes.byteLength, once(bytes))
  }
}
