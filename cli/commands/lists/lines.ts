/** Lines of a list on stdout, in large writes. */
import { KIB } from '../../../src/limits.ts'
import type { Terminal } from '../../terminal/terminal.ts'

/** Lines that are printed together. */
const PART_CHARACTERS = 64 * KIB

/** Prints a line for each item; was there one? What came before a failure is printed. */
export async function writeLines<Item>(
  terminal: Terminal,
  items: AsyncIterable<Item> | Iterable<Item>,
  lineOf: (item: Item) => string,
): Promise<boolean> {
  let lines = ''
  let isAny = false
  const flush = async (): Promise<void> => {
    if (lines !== '') await terminal.write(lines)
    lines = ''
  }
  try {
    for await (const item of items) {
      isAny = true
      lines += `${lineOf(item)}\n`
      if (lines.length >= PART_CHARACTERS) await flush()
    }
  } finally {
    await flush()
  }
  return isAny
}
