/** The references of a command: its arguments, then those of `--files-from` (R007-200). */
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import type { Invocation } from '../command.ts'
import { labelOf } from '../input/input.ts'
import { parseReferences, type Reference } from '../input/references.ts'
import { readText } from '../input/text-input.ts'

/** The longest item: a path or a key with a path has less. */
const ITEM_CHARS = 16_384

export interface References {
  /** Every key and name in order, repetitions included. */
  readonly texts: readonly string[]
  /** What each of them refers to, by its text. */
  readonly types: ReadonlyMap<string, Reference>
}

/** Errors: `usage`, which names the line of a text that can be neither a key nor a name. */
export async function readReferences({
  positionals,
  flags,
  signal,
}: Pick<Invocation, 'positionals' | 'flags' | 'signal'>): Promise<References> {
  const types = new Map(await parseReferences(positionals))
  const file = flags['files-from']
  if (file === undefined) return { texts: positionals, types }
  const texts = [...positionals]
  for (const [index, text] of (await readList(file, signal)).entries()) {
    if (text === '') continue
    texts.push(text)
    if (types.has(text)) continue
    try {
      types.set(text, (await parseReferences([text])).get(text)!)
    } catch (error) {
      const { code, message } = asDstoreError(error)
      throw new DstoreError(code, `line ${index + 1} of ${labelOf(file)}: ${message}`)
    }
  }
  return { texts, types }
}

/** The items between line ends; between NUL bytes if there is one, as for paths with line ends. */
export async function readList(file: string, signal: AbortSignal): Promise<string[]> {
  const text = await readText(file, signal)
  const items = text.includes('\0') ? text.split('\0') : text.split(/\r?\n/)
  const long = items.findIndex(({ length }) => length > ITEM_CHARS)
  if (long === -1) return items
  throw new DstoreError('usage', `line ${long + 1} of ${labelOf(file)} is too long`)
}
