/** `dstore get --output-dir`: many values to files in a directory, many at once (R007-201). */
import { DstoreError } from '../../src/errors.ts'
import type { RangeRequest } from '../../src/node/node.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { SMALL_VALUE_BYTES, SmallValues } from '../../src/daemon/client/small-values.ts'
import { canonicalKey, isDirectoryKey, keyOfWord } from '../input/references.ts'
import type { Connect } from '../session.ts'
import { writeWhole } from '../terminal/output.ts'
import type { OutputFolder } from '../terminal/output-folder.ts'
import { withTransferProgress } from '../terminal/peers.ts'
import { counted } from '../terminal/progress.ts'
import { plural, type Terminal } from '../terminal/terminal.ts'
import { describe, unknown, type Described } from './facts.ts'
import { forEachAtOnce } from './for-each.ts'
import type { References } from './list-file.ts'
import { placeOfWord } from './places.ts'
import { labelOfMany, ManyProgress, type ValueProgress } from './progress.ts'

export interface GetMany {
  readonly client: Client
  /** The same daemon. */
  readonly small: SmallValues
  readonly terminal: Terminal
  readonly references: References
  readonly folder: OutputFolder
  readonly range: RangeRequest | undefined
  readonly jobs?: number | undefined
  readonly signal: AbortSignal
}

/** Connects to a daemon for values of every size. */
export const connectForMany: Connect<Pick<GetMany, 'client' | 'small'>> = async (
  socket,
  options,
) => {
  const { Client } = await import('../../src/daemon/client/client.ts')
  const client = await Client.connect(socket, options)
  return client && { client, small: new SmallValues(socket, options) }
}

/** Returns the common exit code. Every file that is in place then is durable. */
export async function getMany(many: GetMany): Promise<number> {
  const { client, terminal, folder, jobs } = many
  const { texts } = many.references
  const isOne = texts.length === 1
  const what = isOne ? undefined : plural(texts.length, 'value')
  const label = { label: labelOfMany(texts), done: 'fetched', what }
  return withTransferProgress(terminal, label, client, async (line) => {
    const getter = new Getter(many, new ManyProgress(line, texts.length))
    const items = isOne ? unknown(texts) : describe(client, texts)
    const work = { client, terminal, items, jobs, isOne }
    const code = await forEachAtOnce(work, (item) => getter.get(item))
    await folder.sync()
    return code
  }).finally(() => many.small.close())
}

/** A value, and where it goes. */
interface Wanted {
  readonly key: string
  readonly place: string
  readonly name: string | undefined
}

class Getter {
  readonly #many: GetMany
  readonly #progress: ManyProgress
  /** What became of each file: it is written once, however often it is asked for (R007-94). */
  readonly #outcomes = new Map<string, Promise<void>>()

  constructor(many: GetMany, progress: ManyProgress) {
    this.#many = many
    this.#progress = progress
  }

  async get({ text, facts }: Described): Promise<void> {
    const { references, range } = this.#many
    const isKey = references.types.get(text)!.type === 'key'
    const known = typeof facts === 'object' ? facts : undefined
    const key = known?.key ?? (isKey ? await canonicalKey(text) : undefined)
    const progress = this.#progress.begin(range === undefined ? known?.size : undefined)
    try {
      const reference = references.types.get(text)!
      const of = key ?? (await keyOfWord(this.#many.client, reference))
      const place = await placeOfWord(this.#many.client, reference)
      await this.#getKey({ key: of, place: place ?? of, name: place }, known?.size, progress)
    } finally {
      progress.end()
    }
  }

  /** `size`: of the whole value, if it is known. */
  #getKey(wanted: Wanted, size: number | undefined, progress: ValueProgress): Promise<void> {
    const { key, place } = wanted
    return this.#once(place, async () => {
      const { client, small, folder, range } = this.#many
      if (isDirectoryKey(key)) {
        await this.#getDirectory(wanted)
        return this.#report(wanted)
      }
      const output = await folder.open(key, place)
      let written = 0
      await writeWhole(output, async () => {
        const isSmall = range === undefined && size !== undefined && size <= SMALL_VALUE_BYTES
        const whole = isSmall ? await small.get(key, size) : undefined
        if (whole !== undefined) {
          await output.write(whole)
          progress.update((written = whole.byteLength), size)
          return true
        }
        const value = await client.get(key, range)
        const length = value.range.end - value.range.start
        const onBytes = (doneBytes: number): void => progress.update((written = doneBytes), length)
        for await (const piece of counted(value.bytes, onBytes)) await output.write(piece)
        return true
      })
      await this.#report(wanted, written)
    })
  }

  /** Prints where it is, for a person or as a document (R007-444). */
  async #report({ key, place, name }: Wanted, size?: number): Promise<void> {
    const { terminal, folder } = this.#many
    if (!terminal.json && terminal.columns === undefined) return
    const file = folder.pathOf(place)
    await terminal.printFact({ file, key, name, size }, file)
  }

  /** A folder of its own. */
  async #getDirectory({ key, place }: Wanted): Promise<void> {
    const { client, small, folder, range, signal } = this.#many
    if (range !== undefined) throw new DstoreError('usage', 'a directory has no ranges')
    const { getFolder } = await import('../tree/get-folder.ts')
    folder.makeFolders(place)
    await getFolder({ client, small, signal }, key, folder.pathOf(place))
  }

  #once(place: string, write: () => Promise<void>): Promise<void> {
    let outcome = this.#outcomes.get(place)
    if (outcome === undefined) this.#outcomes.set(place, (outcome = write()))
    return outcome
  }
}
