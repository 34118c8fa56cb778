/** The files in an archive that hold the names of its values, as JSON lists (R007-41). */
import { DstoreError } from '../../src/errors.ts'
import { ARCHIVE_NAMES_BYTES } from '../../src/limits.ts'

export interface ArchivedName {
  readonly name: string
  readonly key: string
  /** Missing for a fixed name. */
  readonly kind?: 'tag'
  /** When it expires; ISO 8601. Missing: never. */
  readonly expires?: string
}

/** `names.json`, then `names-2.json` and so on. */
const FILE = /^names(-[1-9]\d{0,8})?\.json$/

const LINE_END = 0x0a

const utf8 = new TextDecoder('utf-8', { fatal: true })

export function isNamesFile(file: string): boolean {
  return FILE.test(file)
}

/** The names that the next file will hold. */
export class NamesPage {
  #lines: string[] = []
  #bytes = 0
  #pages = 0

  /** Has it no names, and is it not the first? Every archive has one file of names. */
  get isNeedless(): boolean {
    return this.#lines.length === 0 && this.#pages > 0
  }

  get hasNames(): boolean {
    return this.#lines.length > 0
  }

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

/** The names in such a file. */
export interface FoundNames {
  readonly names: readonly ArchivedName[]
  /** Why there are no more: `unreadable`. */
  readonly fault?: DstoreError
}

/**
 * The names in such a file, and what is wrong with it. Of one that is damaged or cut off, those on
 * whole lines before that. The daemon checks names and keys.
 */
export function parseNames(bytes: Uint8Array): FoundNames {
  let list: unknown
  try {
    list = JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    const fault = new DstoreError('unreadable', 'the names in the archive are not JSON', { cause })
    return { names: wholeLines(bytes), fault }
  }
  if (Array.isArray(list) && list.every(isNamed)) return { names: list }
  const message = 'the names in the archive are not a list of {"name", "key"}'
  return { names: wholeLines(bytes), fault: new DstoreError('unreadable', message) }
}

/** The names on the lines before the first that is damaged. `export` writes one on each. */
function wholeLines(bytes: Uint8Array): ArchivedName[] {
  const found: ArchivedName[] = []
  for (let at = bytes.indexOf(LINE_END) + 1; at > 0;) {
    const end = bytes.indexOf(LINE_END, at)
    const name = end < 0 ? undefined : parseLine(bytes.subarray(at, end))
    if (name === undefined) break
    found.push(name)
    at = end + 1
  }
  return found
}

function parseLine(bytes: Uint8Array): ArchivedName | undefined {
  try {
    const item: unknown = JSON.parse(utf8.decode(bytes).replace(/,$/, ''))
    return isNamed(item) ? item : undefined
  } catch {
    return undefined
  }
}

function lineOf({ name, key, kind, expires }: ArchivedName): string {
  return JSON.stringify({ name, key, kind, expires })
}

function isNamed(item: unknown): item is ArchivedName {
  if (typeof item !== 'object' || item === null || !('name' in item && 'key' in item)) return false
  const { name, key, kind, expires } = item as Record<string, unknown>
  const isTime = typeof expires === 'string' && !Number.isNaN(Date.parse(expires))
  return (
    typeof name === 'string' &&
    typeof key === 'string' &&
    (kind === undefined || kind === 'tag') &&
    (expires === undefined || isTime)
  )
}
