/** The files in an archive that hold the names of its values, as JSON lists (R007-41). */
import { DstoreError } from '../../src/errors.ts'
import { ARCHIVE_NAMES_BYTES } from '../../src/limits.ts'

export interface ArchivedName {
  readonly name: string
  readonly key: string
}

/** `names.json`; when it is full, `names-2.json` follows, and so on. */
const FILE = /^names(-[1-9]\d{0,8})?\.json$/

export function isNamesFile(file: string): boolean {
  return FILE.test(file)
}

/** The names that the next file will hold. */
export class NamesPage {
  #lines: string[] = []
  #bytes = 0
  #pages = 0

  /** Would the file exceed its limit with these names? */
  isFullWith(names: readonly ArchivedName[]): boolean {
    const more = names.map(lineOf).reduce((sum, line) => sum + Buffer.byteLength(line) + 2, 0)
    return this.#bytes > 0 && this.#bytes + more > ARCHIVE_NAMES_BYTES - '[\n\n]\n'.length
  }

  add(names: readonly ArchivedName[]): void {
    for (const line of names.map(lineOf)) {
      this.#lines.push(line)
      this.#bytes += Buffer.byteLength(line) + 2
    }
  }

  /** The page as a file; the next page begins empty. */
  take(): { readonly file: string; readonly bytes: Uint8Array } {
    const file = this.#pages++ === 0 ? 'names.json' : `names-${this.#pages}.json`
    const bytes = Buffer.from(`[\n${this.#lines.join(',\n')}\n]\n`)
    this.#lines = []
    this.#bytes = 0
    return { file, bytes }
  }
}

/** The entries of such a file; `unreadable` if malformed. The daemon checks names and keys. */
export function parseNames(bytes: Uint8Array): ArchivedName[] {
  let list: unknown
  try {
    list = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new DstoreError('unreadable', 'the names in the archive are not JSON', { cause })
  }
  if (!Array.isArray(list) || !list.every(isNamed)) {
    const message = 'the names in the archive are not a list of {"name", "key"}'
    throw new DstoreError('unreadable', message)
  }
  return list
}

function lineOf({ name, key }: ArchivedName): string {
  return JSON.stringify({ name, key })
}

function isNamed(item: unknown): item is ArchivedName {
  if (typeof item !== 'object' || item === null || !('name' in item && 'key' in item)) return false
  return typeof item.name === 'string' && typeof item.key === 'string'
}
