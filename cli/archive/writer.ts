/** Writes an archive: a tar file that grows no faster than it is taken (R007-40). */
import { createTarPacker } from 'modern-tar'

/** The same values make the same archive, whenever it is written: a time that every tar believes. */
const MTIME = new Date('1980-01-01T00:00:00Z')

type Packer = ReturnType<typeof createTarPacker>

export class ArchiveWriter {
  readonly #controller: Packer['controller']
  readonly #written: Promise<void>
  /** Rejects when it is abandoned: whoever takes the archive may never take another byte. */
  readonly #abandoned: Promise<never>
  #reject: (reason: unknown) => void = () => undefined

  /** `write` takes the archive, piece after piece. */
  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    const { readable, controller } = createTarPacker()
    this.#controller = controller
    this.#written = this.#pass(readable, write)
    this.#abandoned = new Promise((_, reject) => (this.#reject = reject))
    for (const end of [this.#written, this.#abandoned]) end.catch(() => undefined)
  }

  /** One file of this length. Rejects with what failed: the bytes, or the writing; then the archive is of no use. */
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

  /** All is in it, and was taken. */
  async end(): Promise<void> {
    this.#controller.finalize()
    await Promise.race([this.#written, this.#abandoned])
  }

  /** It will not be whole: whoever writes to it waits no longer. */
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
        // Before the loop is left, which would give a reason that says nothing.
        this.abandon(error)
        throw error
      }
    }
  }
}
