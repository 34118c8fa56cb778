/** Writes a tar file, no faster than it is taken (R007-40). */
import { createTarPacker } from 'modern-tar'

/** A constant, so that the same values make the same archive. Every tar accepts 1980. */
const MTIME = new Date('1980-01-01T00:00:00Z')

type Packer = ReturnType<typeof createTarPacker>

export class TarWriter {
  readonly #controller: Packer['controller']
  readonly #written: Promise<void>
  /** Rejects when the file is abandoned: `write` may never return. */
  readonly #abandoned: Promise<never>
  #reject: (reason: unknown) => void = () => undefined

  /** `write` receives the tar file piece by piece. */
  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    const { readable, controller } = createTarPacker()
    this.#controller = controller
    this.#written = this.#pass(readable, write)
    this.#abandoned = new Promise((_, reject) => (this.#reject = reject))
    for (const end of [this.#written, this.#abandoned]) end.catch(() => undefined)
  }

  /** Add a file of `size` bytes. A fault of `bytes` or `write` abandons the archive. */
  async add(name: string, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const entry = this.#controller.add({ name, size, mtime: MTIME, mode: 0o644 }).getWriter()
    try {
      for await (const piece of bytes) await entry.write(piece)
      await entry.close()
    } catch (error) {
      this.abandon(error)
      throw error
    }
  }

  /** Write the end of the archive; returns when everything has been taken. */
  async end(): Promise<void> {
    this.#controller.finalize()
    await Promise.race([this.#written, this.#abandoned])
  }

  /** The archive will not be completed: pending calls reject with the reason. */
  abandon(reason: unknown): void {
    this.#controller.error(reason)
    this.#reject(reason)
  }

  async #pass(
    archive: ReadableStream<Uint8Array>,
    write: (bytes: Uint8Array) => Promise<void>,
  ): Promise<void> {
    for await (const piece of archive) {
      try {
        await write(piece)
      } catch (error) {
        // Before the loop ends: that cancels the stream with a meaningless reason.
        this.abandon(error)
        throw error
      }
    }
  }
}
