/** Copies of values in files of their own: small ones, and those that are to be executed. */
import type { Key } from '../../../hash/key.ts'
import {
  COPY_MODE,
  EXECUTABLE_MODE,
  type PrivateFile,
} from '../../../store/paths/private-folder.ts'
import type { CallOptions } from '../../node.ts'
import type { HeldFile, PathFiles } from './path-files.ts'
import { Shared, type Made } from './shared.ts'

interface Copy extends Made, PrivateFile {
  readonly size: number
}

export class Copies {
  readonly #files: PathFiles
  readonly #copies = new Shared<Copy>()

  constructor(files: PathFiles) {
    this.#files = files
  }

  /** The copy of a value, which all callers share. */
  async open(key: Key, isExecutable: boolean, options: CallOptions): Promise<HeldFile> {
    const mode = isExecutable ? EXECUTABLE_MODE : COPY_MODE
    const make = (given: CallOptions): Promise<Copy> =>
      this.write(key, this.#files.folder().newPath(), mode, given)
    const { timeoutMs } = options
    const { made, release } = await this.#copies.take(`${key.toHex()}-${mode}`, options, (given) =>
      make({ ...given, ...(timeoutMs !== undefined && { timeoutMs }) }),
    )
    const { path, device, inode, size, removed } = made
    return { path, device, inode, size, removed, release }
  }

  /** Writes a copy to this path, where it stays until `end`, or until its value is removed. */
  async write(key: Key, path: string, mode: number, options: CallOptions): Promise<Copy> {
    const folder = this.#files.folder()
    const value = await this.#files.copy(key, options)
    const { size, removed } = value
    const remove = (): void => folder.remove(path)
    try {
      const file = await folder.copy(path, counted(value.bytes, size, options), mode)
      if (removed.aborted) remove()
      removed.throwIfAborted()
      removed.addEventListener('abort', remove, { once: true })
      const end = (): void => {
        removed.removeEventListener('abort', remove)
        remove()
        value.release()
      }
      return { ...file, size, removed, end }
    } catch (error) {
      value.release()
      // Where it lies may have been moved away meanwhile.
      removed.throwIfAborted()
      throw error
    }
  }
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  totalBytes: number,
  { onProgress }: CallOptions,
): AsyncGenerator<Uint8Array> {
  let doneBytes = 0
  for await (const piece of bytes) {
    yield piece
    doneBytes += piece.byteLength
    onProgress?.({ phase: 'fetch', doneBytes, totalBytes })
  }
}
