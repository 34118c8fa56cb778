/** Fetches files of values from the archive to this disk, each once, a few at a time. */
import { DstoreError } from '../../../errors.ts'
import { ARCHIVE_FETCHES } from '../../../limits.ts'
import type { Quota } from '../../quota.ts'
import { Slots } from '../../slots.ts'
import type { Location } from '../../store.ts'
import type { ArchivedValues } from '../archive.ts'
import type { Files } from '../files.ts'
import type { FreeSpace } from '../free-space.ts'
import type { Layout } from '../layout.ts'
import type { StoredValue } from '../records/file-row.ts'
import { FileFetch } from './file-fetch.ts'
import type { LocalFiles } from './local-files.ts'

export interface FetchesParts {
  readonly files: Files
  readonly layout: Layout
  readonly values: ArchivedValues
  readonly quota: Quota
  readonly local: LocalFiles
  readonly freeSpace: Pick<FreeSpace, 'freeBytes' | 'hasRoom'>
}

interface Running {
  readonly fetch: FileFetch
  /** The file is among the local ones, or its bytes are free again. Never rejects. */
  readonly settled: Promise<void>
}

export class Fetches {
  readonly #parts: FetchesParts
  readonly #values = new Map<Location, Running>()
  readonly #outboards = new Map<Location, Running>()
  readonly #slots = new Slots(ARCHIVE_FETCHES)
  #fetchedBytes = 0

  constructor(parts: FetchesParts) {
    this.#parts = parts
  }

  /** Bytes of all files that were fetched whole. */
  get fetchedBytes(): number {
    return this.#fetchedBytes
  }

  /** The fetch under way. */
  running(file: Location): FileFetch | undefined {
    return this.#values.get(file)?.fetch
  }

  /** Resolves when no fetch of this value is under way, and its file is counted. */
  async settled(file: Location): Promise<void> {
    await this.#values.get(file)?.settled
  }

  /** May another begin now? */
  get isFree(): boolean {
    return this.#slots.isFree
  }

  /**
   * Fetches a value to this disk, or joins the fetch under way. Error: `no-space` where the quota
   * has no room for it.
   */
  value(value: StoredValue): FileFetch {
    const { file, size, outboardBytes, place } = value
    const running = this.running(file)
    if (running !== undefined) return running
    const { layout, local } = this.#parts
    // In layout 1 the file of a value has the outboard, too, until that is moved.
    const end = place === 'behind' ? size + outboardBytes : size
    const part = layout.partialFile(file)
    const job = { file, end, start: 0, part, path: layout.valueFile(file), bytes: size }
    return this.#begin(this.#values, job, () => local.add(file, size))
  }

  /** The same for an outboard, which lies behind the value in the object. */
  outboard({ file, size, outboardBytes }: StoredValue): FileFetch {
    const running = this.#outboards.get(file)?.fetch
    if (running !== undefined) return running
    const { layout, local } = this.#parts
    const part = layout.partialOutboardFile(file)
    const path = layout.outboardFile(file)
    const job = { file, start: size, end: size + outboardBytes, part, path, bytes: outboardBytes }
    return this.#begin(this.#outboards, job, () => local.addOutboard(file, outboardBytes))
  }

  /** Ends the fetches of a value. Then no file of it comes any more. */
  async stop(file: Location, fault: DstoreError): Promise<void> {
    for (const one of [this.#values.get(file), this.#outboards.get(file)]) {
      if (one !== undefined) await this.#stop(one, fault)
    }
  }

  async stopAll(fault: DstoreError): Promise<void> {
    const all = [...this.#values.values(), ...this.#outboards.values()]
    await Promise.all(all.map((one) => this.#stop(one, fault)))
  }

  async #stop({ fetch, settled }: Running, fault: DstoreError): Promise<void> {
    await fetch.stop(fault)
    await settled
  }

  #begin(
    among: Map<Location, Running>,
    { file, start, end, part, path, bytes }: Job,
    add: () => void,
  ): FileFetch {
    const { files, values, quota } = this.#parts
    quota.reserve(bytes)
    const prepare = (): Promise<void> => this.#prepare(file, end - start)
    const range = { start, end }
    const slots = this.#slots
    const fetch = new FileFetch({ files, values, file, range, part, path, prepare, slots })
    const settle = async (): Promise<void> => {
      try {
        await fetch.done
        this.#fetchedBytes += bytes
        add()
      } catch {
        quota.free(bytes)
      }
      among.delete(file)
    }
    among.set(file, { fetch, settled: settle() })
    return fetch
  }

  /** Makes room on a disk that is fuller than the quota says. */
  async #prepare(file: Location, bytes: number): Promise<void> {
    const { local, freeSpace } = this.#parts
    await local.settled(file)
    await makeDiskRoom(bytes, local, freeSpace)
  }
}

interface Job {
  readonly file: Location
  readonly start: number
  readonly end: number
  readonly part: string
  readonly path: string
  /** That the quota counts. */
  readonly bytes: number
}

/** Evicts where the disk lacks room for these bytes. Error: `no-space` if that is too little. */
export async function makeDiskRoom(
  bytes: number,
  local: LocalFiles,
  freeSpace: Pick<FreeSpace, 'freeBytes'>,
): Promise<void> {
  const missing = bytes - (await freeSpace.freeBytes())
  if (missing <= 0) return
  local.evict(missing)
  await local.settled()
  if ((await freeSpace.freeBytes()) >= bytes) return
  throw new DstoreError('no-space', 'the disk has no room for a copy of the value', {
    hint: 'free some space on the disk of the state directory',
  })
}
