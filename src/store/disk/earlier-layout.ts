/**
 * Stores of earlier layouts: found, taken over, and where outboards follow their values in one file
 * (layout 1) moved out one by one (specs/005-storage.md, "Rules: earlier layouts").
 */
import { DstoreError } from '../../errors.ts'
import { SMALL_VALUE_BYTES } from '../../limits.ts'
import type { Location } from '../store.ts'
import { BufferedWriter } from './staged/buffered-writer.ts'
import { type Files, SEALED_MODE } from './files.ts'
import { EARLIER_VERSIONS, Layout } from './layout.ts'
import type { Commits } from './commit/commits.ts'
import type { Turns } from './commit/turns.ts'
import type { StoredValue } from './records/file-row.ts'
import type { Overlay } from './replica/overlay.ts'
import { sealedValue } from './replica/sealed-value.ts'
import { type ValueReaders, outboardOf } from './value-reader.ts'

/** Rows of `files` looked at between two turns of the event loop. */
const PAGE_ROWS = 64

type Identities = Pick<Files, 'identity'>

/** The layout of the store in a state directory, which is only read. */
export async function layoutIn(files: Identities, directory: string): Promise<Layout> {
  const current = new Layout(directory)
  if ((await files.identity(current.root)) !== undefined) return current
  return (await earlierIn(files, directory))[0] ?? current
}

/** The layouts of earlier stores that are there, the newest first. */
async function earlierIn(files: Identities, directory: string): Promise<readonly Layout[]> {
  const there: Layout[] = []
  for (const version of EARLIER_VERSIONS) {
    const layout = new Layout(directory, version)
    if ((await files.identity(layout.root)) !== undefined) there.push(layout)
  }
  return there
}

/**
 * Gives a store of an earlier layout the name of this one: from then on an earlier dstore refuses
 * it. Nothing else changes: each row says where the outboard of its value is, and records without a
 * position are those before the first entry of the journal. `check` looks at the store before.
 * Error: `integrity` where the directory has more than one store.
 */
export async function takeOver(
  files: Files,
  layout: Layout,
  check: (earlier: Layout) => Promise<void>,
): Promise<void> {
  const [earlier, ...others] = await earlierIn(files, layout.parent)
  if (earlier === undefined) return
  const isTaken = (await files.identity(layout.root)) !== undefined
  const another = isTaken ? layout : others[0]
  if (another !== undefined) {
    throw new DstoreError('integrity', `${earlier.root} and ${another.root} are both there`, {
      hint: 'move away the one that is not the store of this node',
    })
  }
  await check(earlier)
  await files.rename(earlier.root, layout.root)
  await files.syncDirectory(layout.parent)
}

export interface OutboardMoveParts {
  readonly files: Files
  readonly layout: Layout
  readonly overlay: Overlay
  readonly commits: Commits
  /** What two moves of one copied would be cut by the first; and a value may be replaced. */
  readonly turns: Turns
  readonly readers: ValueReaders
}

/** Moves the outboards of layout 1 in the background. An end at any moment loses nothing. */
export class OutboardMove {
  /** Resolves when nothing is left to move, or this run can move no more. */
  readonly ended: Promise<void>
  readonly #parts: OutboardMoveParts
  #isStopped = false
  #last: Promise<void> = Promise.resolve()

  constructor(parts: OutboardMoveParts) {
    this.#parts = parts
    this.ended = this.#run().catch(() => undefined)
  }

  /** Moves the outboard of one value before those that are before it. */
  async moveNow(location: Location): Promise<void> {
    const value = this.#parts.overlay.value(location)
    if (value?.small === undefined && value?.place === 'behind') await this.#inTurn(location)
  }

  /** Waits for the value that is being moved. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.ended
    await this.#last
  }

  async #run(): Promise<void> {
    let after: Location | undefined
    for (;;) {
      const page = this.#page(after)
      for (const { location, value } of page) {
        // Timers and sockets come first.
        await new Promise((resolve) => setImmediate(resolve))
        if (this.#isStopped) return
        if (value.place === 'behind') await this.#inTurn(location)
      }
      if (page.length < PAGE_ROWS) return
      after = page.at(-1)!.location
    }
  }

  #page(after: Location | undefined): { location: Location; value: StoredValue }[] {
    const page: { location: Location; value: StoredValue }[] = []
    for (const one of this.#parts.overlay.files(after)) {
      if (page.push(one) === PAGE_ROWS) break
    }
    return page
  }

  #inTurn(location: Location): Promise<void> {
    const turn = this.#parts.turns.run(async () => {
      const value = this.#parts.overlay.value(location)
      if (value?.place === 'behind' && !this.#isStopped) await this.#move(location, value)
    })
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** Copies the outboard, makes the copy durable, changes the row, and only then cuts the file. */
  async #move(location: Location, value: StoredValue): Promise<void> {
    const { files, layout, overlay, commits, readers } = this.#parts
    if (overlay.isDamaged(location)) return
    const { size, outboardBytes, file } = value
    const isLarge = outboardBytes > SMALL_VALUE_BYTES
    const copy = layout.outboardFile(file)
    let moved: StoredValue
    try {
      if (isLarge) await this.#copyToFile(location, value, copy)
      const outboard = isLarge
        ? {}
        : { outboard: await outboardOf(readers, overlay, location, value) }
      moved = { ...value, place: isLarge ? 'file' : 'records', ...outboard }
    } catch {
      // It was removed, or is damaged: who reads it will see.
      await files.remove(copy).catch(() => undefined)
      return
    }
    const change = { type: 'replace', location, by: sealedValue(moved) } as const
    const bytes = isLarge ? 0 : outboardBytes
    const cost = { bytes, entryBytes: bytes, adds: true }
    // If this fails, a full disk or a fault, the copy stays for the next opening to judge.
    const [applied] = await commits.run([{ change }], cost)
    // It may have been released meanwhile.
    const isMoved = applied!.mistake === undefined
    if (!isMoved) await files.remove(copy).catch(() => undefined)
    else await files.cut(layout.valueFile(file), size, SEALED_MODE).catch(() => undefined)
  }

  async #copyToFile(location: Location, value: StoredValue, path: string): Promise<void> {
    const { files, layout, readers } = this.#parts
    await files.remove(path)
    const writer = new BufferedWriter(await files.create(path))
    try {
      const all = { start: 0, end: value.outboardBytes }
      for await (const piece of readers.readOutboard(location, value, all)) {
        await writer.append(piece)
      }
      await writer.seal(SEALED_MODE)
    } finally {
      await writer.close()
    }
    await files.syncDirectory(layout.values)
  }
}
