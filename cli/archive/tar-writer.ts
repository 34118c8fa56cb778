/** Writes a tar file, no faster than it is taken (R007-40). */
import { createTarPacker, type TarHeader } from 'modern-tar'

/** A constant, so that the same values make the same archive. Every tar accepts 1980. */
const MTIME = new Date('1980-01-01T00:00:00Z')

/** Other paths stand in a PAX record as well: there they are UTF-8 to every tar. */
const PLAIN = /^[\0-\x7f]{1,100}$/

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
  async add(
    path: string,
    size: number,
    bytes: AsyncIterable<Uint8Array>,
    mode = 0o644,
  ): Promise<void> {
    const entry = this.#controller
      .add({ name: path, size, mtime: MTIME, mode, ...paxOf(path) })
      .getWriter()
    try {
      for await (const piece of bytes) await entry.write(piece)
      await entry.close()
    } catch (error) {
      this.abandon(error)
      throw error
    }
  }

  /** Add a folder, empty so far. */
  async addFolder(path: string): Promise<void> {
    const name = `${path}/`
    await this.#addBodyless({ name, type: 'directory', mode: 0o755, ...paxOf(name) })
  }

  /** Add a symbolic link. */
  async addLink(path: string, target: string): Promise<void> {
    const header = { name: path, linkname: target, type: 'symlink', mode: 0o777 } as const
    await this.#addBodyless({ ...header, ...paxOf(path, target) })
  }

  async #addBodyless(header: Omit<TarHeader, 'size' | 'mtime'>): Promise<void> {
    await this.#controller
      .add({ ...header, size: 0, mtime: MTIME })
      .getWriter()
      .close()
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

function paxOf(path: string, linkpath = ''): { pax?: Record<string, string> } {
  const pax = {
    ...(!PLAIN.test(path) && { path }),
    ...(linkpath !== '' && !PLAIN.test(linkpath) && { linkpath }),
  }
  return Object.keys(pax).length === 0 ? {} : { pax }
}
