/** The files of one cached value: its bytes and its outboard, under the names of its stage. */
import { DstoreError } from '../../errors.ts'
import { isSameState, type FileState } from '../paths/file-state.ts'
import type { CacheFolder } from './cache-folder.ts'
import type { OpenFile } from './open-file.ts'

/** `found`: of an earlier boot, not verified yet. `unlinked`: no file can be opened any more. */
export type FileStage = 'none' | 'found' | 'partial' | 'whole' | 'unlinked'

/** Methods throw the errors of `node:fs`, and `cancelled` for what is unlinked. */
export class ValueFiles {
  readonly #folder: CacheFolder
  readonly #name: string
  #stage: FileStage
  /** Of a whole value: as the file was when it got its name. */
  #state: FileState | undefined
  #hasPairs: boolean
  #data: OpenFile | undefined
  #pairs: OpenFile | undefined

  constructor(folder: CacheFolder, name: string, isFound: boolean) {
    this.#folder = folder
    this.#name = name
    this.#stage = isFound ? 'found' : 'none'
    this.#hasPairs = isFound
  }

  get stage(): FileStage {
    return this.#stage
  }

  /** Of a whole value, where other processes find it. */
  get path(): string | undefined {
    return this.#stage === 'whole' ? this.#folder.valuePath(this.#name) : undefined
  }

  /** The file of the bytes, open until `close`; made if there is none. */
  data(): OpenFile {
    return (this.#data ??= this.#openData())
  }

  /** The same of the outboard. */
  pairs(): OpenFile {
    if (this.#pairs !== undefined) return this.#pairs
    this.#checkLinked()
    this.#pairs = this.#hasPairs
      ? this.#folder.openPairs(this.#name)
      : this.#folder.createPairs(this.#name)
    this.#hasPairs = true
    return this.#pairs
  }

  /** All of it is written: gives the file its name. Returns its length in bytes. */
  finish(): bigint {
    this.#state = this.#folder.finish(this.#name, this.data())
    this.#stage = 'whole'
    return this.#state.size
  }

  /** What was found is verified. Returns its length in bytes, if the value is whole. */
  finishFound(isWhole: boolean): bigint | undefined {
    this.#state = this.#folder.finishFound(this.#name, isWhole)
    this.#stage = isWhole ? 'whole' : 'partial'
    // An open descriptor of a part cannot be written to.
    this.close()
    return this.#state?.size
  }

  /** The file of a whole value as it is now, if it is as it was when it got its name. */
  unchanged(): FileState | undefined {
    const [before, now] = [this.#state, this.#folder.stateOf(this.#name)]
    if (before === undefined || now === undefined) return undefined
    return isSameState(before, now) ? now : undefined
  }

  /** Tells the next boot which groups an unfinished value has. */
  note(size: number, groups: Uint8Array): void {
    if (this.#stage === 'partial') this.#folder.writeHeld(this.#name, size, groups)
  }

  /** Deletes what was written. It can be written again. */
  clear(): void {
    this.unlink()
    this.close()
    this.#stage = 'none'
    this.#hasPairs = false
  }

  /** Deletes the names. What is open can still be read. */
  unlink(): void {
    // The outboard is written before the bytes that it proves.
    if (this.#stage !== 'none' || this.#hasPairs) this.#folder.unlink(this.#name)
    this.#stage = 'unlinked'
  }

  /** Opens what there is, to be read after `unlink`. */
  keepOpen(): void {
    if (this.#stage === 'none') return
    try {
      this.data()
      if (this.#hasPairs) this.pairs()
    } catch {
      // Its readers find that it is not there.
    }
  }

  close(): void {
    this.#data?.close()
    this.#pairs?.close()
    this.#data = undefined
    this.#pairs = undefined
  }

  #openData(): OpenFile {
    switch (this.#stage) {
      case 'none': {
        const created = this.#folder.createPart(this.#name)
        this.#stage = 'partial'
        return created
      }
      case 'found':
        return this.#folder.openFound(this.#name)
      case 'partial':
        return this.#folder.openPart(this.#name)
      case 'whole':
        return this.#folder.openValue(this.#name)
      case 'unlinked':
        throw evicted()
    }
  }

  #checkLinked(): void {
    if (this.#stage === 'unlinked') throw evicted()
  }
}

export const evicted = (): DstoreError => new DstoreError('cancelled', 'the value was evicted')
