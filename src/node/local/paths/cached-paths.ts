/** The files of a Local's cache, as other processes may map them (specs/007, "Paths"). */
import { join } from 'node:path'
import { DstoreError } from '../../../errors.ts'
import type { Key } from '../../../hash/key.ts'
import { PrivateFolder } from '../../../store/paths/private-folder.ts'
import type { CopiedValue, HeldFile, PathFiles } from '../../calls/paths/path-files.ts'
import type { CallOptions, Node } from '../../node.ts'
import type { Tiers } from '../../tiers/tiers.ts'

/** Of the folder of a boot: copies of values, and folders of links. */
const MADE_FOLDER = 'made'

/** What the name and the inode of a file cost, in bytes. */
const NAME_BYTES = 4096

export interface CachedPathsOptions {
  readonly tiers: Tiers
  /** The file of a value, fetched if need be. Errors: see `WholeFiles.hold`. */
  readonly hold: (key: Key, options: CallOptions) => Promise<HeldFile>
  readonly get: Node['get']
  /** The group that may read the files, too. */
  readonly groupId: number | undefined
}

export class CachedPaths implements PathFiles {
  readonly #options: CachedPathsOptions
  #folder: PrivateFolder | undefined

  constructor(options: CachedPathsOptions) {
    this.#options = options
  }

  open(key: Key, options: CallOptions): Promise<HeldFile> {
    return this.#options.hold(key, options)
  }

  async copy(key: Key, options: CallOptions): Promise<CopiedValue> {
    const { tiers, get, hold } = this.#options
    const held = await hold(key, options)
    const { size, removed } = held
    // Held as well, so that a removal, and the end of the folder, end the copy.
    const free = tiers.files?.reserve(size + NAME_BYTES)
    const release = (): void => {
      held.release()
      free?.()
    }
    try {
      if (free === undefined) throw noRoom(size)
      const { signal, timeoutMs } = options
      const calls = { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) }
      const { bytes } = await get(key, calls)
      return { size, bytes, removed, release }
    } catch (error) {
      release()
      throw error
    }
  }

  folder(): PrivateFolder {
    const { tiers, groupId } = this.#options
    const { files } = tiers
    if (files === undefined) throw tiers.noFiles()
    return (this.#folder ??= PrivateFolder.make(() => join(files.folder, MADE_FOLDER), groupId))
  }

  async close(): Promise<void> {
    await this.#folder?.close()
  }
}

const noRoom = (size: number): DstoreError =>
  new DstoreError('no-space', `the cache has no room for a copy of ${size} bytes`, {
    hint: 'raise --cache-dir-size, or release what is held or pinned',
  })
