/** The references of a command: its arguments, then those of `--files-from` (R007-200). */
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import { gather } from '../../src/bytes.ts'
import { unreadableFile } from '../../src/store/file/file-faults.ts'
import type { Invocation } from '../command.ts'
import { openInput } from '../input/input.ts'
import { parseReferences, type Reference } from '../input/references.ts'

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
}: Pick<Invocation, 'positionals' | 'flags'>): Promise<References> {
  const types = new Map(await parseReferences(positionals))
  const file = flags['files-from']
  if (file === undefined) return { texts: positionals, types }
  const texts = [...positionals]
  for (const [index, text] of (await readList(file)).entries()) {
    if (text === '') continue
    texts.push(text)
    if (types.has(text)) continue
    try {
      types.set(text, (await parseReferences([text])).get(text)!)
    } catch (error) {
      const { code, message } = asDstoreError(error)
      throw new DstoreError(code, `line ${index + 1} of ${nameOf(file)}: ${message}`)
    }
  }
  return { texts, types }
}

/** The items between line ends; between NUL bytes if there is one, as for paths with line ends. */
export async function readList(file: string): Promise<string[]> {
  const { bytes } = await openInput(file)
  const whole = await gather(bytes).catch((error: unknown) => {
    throw error instanceof DstoreError ? error : unreadableFile(nameOf(file), error)
  })
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(whole)
  } catch (cause) {
    throw new DstoreError('usage', `${nameOf(file)} is not UTF-8`, { cause })
  }
  const items = text.includes('\0') ? text.split('\0') : text.split(/\r?\n/)
  const long = items.findIndex(({ length }) => length > ITEM_CHARS)
  if (long === -1) return items
  throw new DstoreError('usage', `line ${long + 1} of ${nameOf(file)} is too long`)
}

const nameOf = (file: string): string => (file === '-' ? 'standard input' : file)
