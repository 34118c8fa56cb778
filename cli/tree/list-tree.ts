/** `dstore ls` of a directory. */
import { DstoreError } from '../../src/errors.ts'
import { KIB } from '../../src/limits.ts'
import { entriesOf, factsOf, type EntryFacts } from '../../src/tree/read/entries.ts'
import { entryAt, keyOf } from '../../src/tree/read/entry-at.ts'
import type { Listings } from '../../src/tree/read/listings.ts'
import type { TreeWord } from '../../src/tree/read/tree-word.ts'
import type { Invocation } from '../command.ts'
import { plural } from '../terminal/terminal.ts'
import { shownName } from '../wording.ts'

/** Lines that are printed together. */
const PART_CHARACTERS = 64 * KIB

/** Lists what the word leads to: the entries of a directory, or the one entry that is a file. */
export async function listTree(
  { flags, terminal }: Pick<Invocation, 'flags' | 'terminal'>,
  listings: Listings,
  word: TreeWord,
  text: string,
): Promise<void> {
  const { tree: recursive = false, long = false } = flags
  const lineOf = terminal.json ? jsonOf : long ? longLine : shortLine
  let lines = ''
  for await (const facts of factsAt(listings, word, text, recursive)) {
    const depth = recursive && !terminal.json ? facts.path.split('/').length - 1 : 0
    lines += `${'  '.repeat(depth)}${lineOf(facts)}\n`
    if (lines.length < PART_CHARACTERS) continue
    await terminal.write(lines)
    lines = ''
  }
  if (lines !== '') await terminal.write(lines)
}

async function* factsAt(
  listings: Listings,
  word: TreeWord,
  text: string,
  recursive: boolean,
): AsyncGenerator<EntryFacts, void, undefined> {
  const entry = await entryAt(listings, word)
  const key = entry === undefined ? word.key : entry.type === 'link' ? undefined : keyOf(entry)
  if (key?.kind === 'directory') yield* entriesOf(listings, key, recursive)
  else if (entry !== undefined) yield factsOf(word.path.at(-1)!, entry)
  else throw new DstoreError('usage', `${text} is a plain value, and no directory`)
}

const jsonOf = (facts: EntryFacts): string => JSON.stringify(facts)

const shortLine = (facts: EntryFacts): string =>
  shownName(lastOf(facts.path)) + (facts.type === 'directory' ? '/' : '')

/** What it is, its bytes, and its name: `x` for an executable file. */
function longLine(facts: EntryFacts): string {
  const name = shortLine(facts)
  switch (facts.type) {
    case 'file':
      return `${facts.executable ? 'x' : '-'} ${bytes(facts.size)}  ${name}`
    case 'directory':
      return `d ${bytes(facts.size)}  ${name} (${plural(facts.files, 'file')})`
    case 'link':
      return `l ${bytes()}  ${name} -> ${shownName(facts.target)}`
  }
}

const bytes = (size?: number): string => String(size ?? '').padStart(13)

const lastOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
