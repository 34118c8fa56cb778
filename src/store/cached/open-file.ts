/** An open file that is read and written at positions, and closed once nothing uses it. */
import { close, closeSync, fchmodSync, fchownSync, fstatSync, openSync, read, write } from 'node:fs'

/** Its descriptor is never closed under a read or a write, whose number another file could get. */
export class OpenFile {
  readonly #fd: number
  #working = 0
  #isClosed = false

  /** `flags` as those of `node:fs`; a file that this creates can be read by its owner only. */
  constructor(path: string, flags: 'r' | 'wx+' | 'r+') {
    this.#fd = openSync(path, flags, 0o600)
  }

  /** Reads from a position until the array is full; returns how many bytes, fewer at the end. */
  async read(into: Uint8Array, position: number): Promise<number> {
    let filled = 0
    while (filled < into.byteLength) {
      const part = into.subarray(filled)
      const count = await this.#run((done) =>
        read(this.#fd, part, 0, part.byteLength, position + filled, done),
      )
      if (count === 0) break
      filled += count
    }
    return filled
  }

  /** Writes all of the bytes from a position on. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    let written = 0
    while (written < bytes.byteLength) {
      const part = bytes.subarray(written)
      written += await this.#run((done) =>
        write(this.#fd, part, 0, part.byteLength, position + written, done),
      )
    }
  }

  /** Gives the file this mode, and this group if there is one. */
  seal(mode: number, groupId: number | undefined): void {
    // The owner stays: -1 as the system knows it.
    if (groupId !== undefined) fchownSync(this.#fd, fstatSync(this.#fd).uid, groupId)
    fchmodSync(this.#fd, mode)
  }

  get size(): number {
    return fstatSync(this.#fd).size
  }

  /** Nothing begins to use it after this. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#working === 0) closeSync(this.#fd)
  }

  #run(
    start: (done: (error: NodeJS.ErrnoException | null, count: number) => void) => void,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new Error('the file is closed'))
      this.#working++
      start((error, count) => {
        this.#working--
        // Without a callback a failure to close would end the process.
        if (this.#isClosed && this.#working === 0) close(this.#fd, () => undefined)
        if (error === null) resolve(count)
        else reject(error)
      })
    })
  }
}
