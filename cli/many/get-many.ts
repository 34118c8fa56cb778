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
import type { Terminal } from '../terminal/terminal.ts'
import { describe, unknown, type Described } from './facts.ts'
import { forEachAtOnce } from './for-each.ts'
import type { References } from './list-file.ts'
import { labelOfMany, ManyProgress, type ValueProgress } from './progress.ts'

export interface GetMany {
  readonly client: Client
  /** The same daemon. */
  readonly small: SmallValues
  readonly terminal: Terminal
  readonly references: References
  readonly folder: OutputFolder
  readonly range: RangeRequest | undefined
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
  const { client, terminal, folder } = many
  const { texts } = many.references
  const isOne = texts.length === 1
  return withTransferProgress(terminal, labelOfMany(texts), client, async (line) => {
    const getter = new Getter(many, new ManyProgress(line, texts.length))
    const items = isOne ? unknown(texts) : describe(client, texts)
    const code = await forEachAtOnce({ client, terminal, items, isOne }, (item) => getter.get(item))
    await folder.sync()
    return code
  }).finally(() => many.small.close())
}

class Getter {
  readonly #many: GetMany
  readonly #progress: ManyProgress
  /** What became of each key: it is written once, however often it is asked for (R007-94). */
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
      const of = key ?? (await keyOfWord(this.#many.client, references.types.get(text)!))
      await this.#getKey(of, known?.size, progress)
    } finally {
      progress.end()
    }
  }

  /** `size`: of the whole value, if it is known. */
  #getKey(key: string, size: number | undefined, progress: ValueProgress): Promise<void> {
    return this.#once(key, async () => {
      const { client, small, folder, range } = this.#many
      if (isDirectoryKey(key)) return this.#getDirectory(key)
      const output = await folder.open(key)
      await writeWhole(output, async () => {
        const isSmall = range === undefined && size !== undefined && size <= SMALL_VALUE_BYTES
        const whole = isSmall ? await small.get(key, size) : undefined
        if (whole !== undefined) {
          await output.write(whole)
          progress.update(whole.byteLength, size)
          return true
        }
        const value = await client.get(key, range)
        const length = value.range.end - value.range.start
        const onBytes = (doneBytes: number): void => progress.update(doneBytes, length)
        for await (const piece of counted(value.bytes, onBytes)) await output.write(piece)
        return true
      })
    })
  }

  /** A folder of its own, named after the key. */
  async #getDirectory(key: string): Promise<void> {
    const { client, small, folder, range, signal } = this.#many
    if (range !== undefined) throw new DstoreError('usage', 'a directory has no ranges')
    const { getFolder } = await import('../tree/get-folder.ts')
    await getFolder({ client, small, signal }, key, folder.pathOf(key))
  }

  #once(key: string, write: () => Promise<void>): Promise<void> {
    let outcome = this.#outcomes.get(key)
    if (outcome === undefined) this.#outcomes.set(key, (outcome = write()))
    return outcome
  }
}
