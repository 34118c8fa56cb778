/** Names of the journal's files (specs/009-journal.md, "Files"). */
import { join } from 'node:path'

const NAME = /^([0-9a-f]{16})\.(segment|spare|new)$/

/**
 * `segment`: one of the journal. `spare`: zeros or old entries, to be used next. `new`: unfinished.
 */
export type FileKind = 'segment' | 'spare' | 'new'

export interface JournalFileName {
  readonly name: string
  readonly number: number
  readonly kind: FileKind
}

/** Undefined for a name that the journal does not use. */
export function parseName(name: string): JournalFileName | undefined {
  const match = NAME.exec(name)
  if (match === null) return undefined
  const number = Number.parseInt(match[1]!, 16)
  if (!Number.isSafeInteger(number)) return undefined
  return { name, number, kind: match[2] as FileKind }
}

export function pathOf(directory: string, number: number, kind: FileKind): string {
  return join(directory, `${number.toString(16).padStart(16, '0')}.${kind}`)
}
