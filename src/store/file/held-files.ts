/**
 * Files and directories that must stay where a node opened them (R005-56). What is written to an
 * open file that was removed or replaced succeeds, and is gone after a restart.
 */
import { DstoreError } from '../../errors.ts'
import { faultOf } from '../disk/faults.ts'
import { type Files, nodeFiles } from '../disk/files.ts'
import { SharedSync } from '../disk/staged/shared-sync.ts'

export class HeldFiles {
  /** Resolves with the fault once a check finds a path that leads elsewhere. */
  readonly lost: Promise<DstoreError>
  readonly #files: Pick<Files, 'identity'>
  /** By path: the identity of what was opened there. It stays open, so no other file gets it. */
  readonly #opened = new Map<string, string>()
  readonly #comparison = new SharedSync(() => this.#compare())
  #fault: DstoreError | undefined
  #onLost!: (fault: DstoreError) => void

  constructor(files: Pick<Files, 'identity'> = nodeFiles) {
    this.#files = files
    this.lost = new Promise((resolve) => (this.#onLost = resolve))
  }

  add(path: string, identity: string): void {
    this.#opened.set(path, identity)
  }

  /** What was there may go from now on. */
  remove(path: string): void {
    this.#opened.delete(path)
  }

  /** Adds what is at this path, which must be open already. */
  async addOpened(path: string): Promise<void> {
    const identity = await this.#files.identity(path)
    if (identity === undefined) throw gone(path)
    this.add(path, identity)
  }

  /**
   * Resolves if every path leads to what was opened there, at a moment after this call. Once one
   * does not, every call rejects, even if the file is put back.
   */
  async check(): Promise<void> {
    await this.#comparison.run()
  }

  /** What was opened can't be used any more: every check rejects with this from now on. */
  end(fault: DstoreError): void {
    this.#fault ??= fault
    this.#onLost(this.#fault)
  }

  /** The fault behind a failed call: that the files were taken away, if they were. */
  async faultOf(thrown: unknown, doing: string): Promise<Error> {
    await this.check().catch(() => undefined)
    return this.#fault ?? faultOf(thrown, doing)
  }

  async #compare(): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault
    const compare = async ([path, identity]: [string, string]): Promise<void> => {
      let found: string | undefined
      try {
        found = await this.#files.identity(path)
      } catch (error) {
        throw faultOf(error, `look for ${path}`)
      }
      // It may have been given up meanwhile.
      if (found === identity || this.#opened.get(path) !== identity) return
      this.#fault ??= gone(path)
      this.#onLost(this.#fault)
      throw this.#fault
    }
    await Promise.all([...this.#opened].map(compare))
  }
}

function gone(path: string): DstoreError {
  return new DstoreError('unwritable', `${path} was removed or replaced while it was in use`, {
    hint: 'put the state directory back, if you have it, and start the node again',
  })
}
