/** Hands out files of values, and folders of directories, in either role (specs/007, "Paths"). */
import type { Key } from '../../../hash/key.ts'
import type { HeldPath, Node, NodePaths, PathOptions } from '../../node.ts'
import { Copies } from './copies.ts'
import { FolderBuilder, type BuiltFolder } from './folder-builder.ts'
import type { HeldFile, PathFiles } from './path-files.ts'
import { Shared } from './shared.ts'

export class Paths implements NodePaths {
  readonly #files: PathFiles
  readonly #get: Node['get']
  readonly #copies: Copies
  readonly #folders = new Shared<BuiltFolder>()

  constructor(files: PathFiles, get: Node['get']) {
    this.#files = files
    this.#get = get
    this.#copies = new Copies(files)
  }

  async openPath(
    key: Key,
    { executable = false, ...options }: PathOptions = {},
  ): Promise<HeldPath> {
    if (key.kind === 'directory') return this.#openFolder(key, options)
    const file = executable
      ? await this.#copies.open(key, true, options)
      : await this.#openFile(key, options)
    const { release, ...facts } = file
    return { ...facts, key, kind: 'file', release: async () => release() }
  }

  async #openFile(key: Key, options: PathOptions): Promise<HeldFile> {
    return (await this.#files.open(key, options)) ?? (await this.#copies.open(key, false, options))
  }

  async #openFolder(key: Key, options: PathOptions): Promise<HeldPath> {
    const { timeoutMs } = options
    const { made, release } = await this.#folders.take(key.toHex(), options, (given) => {
      const builder = new FolderBuilder({
        folder: this.#files.folder(),
        get: this.#get,
        open: (file, calls) => this.#openFile(file, calls),
        copy: (...of) => this.#copies.write(...of),
        options: { ...given, ...(timeoutMs !== undefined && { timeoutMs }) },
      })
      return builder.build(key)
    })
    const { path, device, inode, size, removed } = made
    const facts = { path, device, inode, size, removed }
    return { ...facts, key, kind: 'folder', release: async () => release() }
  }
}
