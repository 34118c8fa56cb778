/** Several arguments, one exit code (R007-22). */
import { asDstoreError, ERRORS } from '../src/errors.ts'
import type { Terminal } from './terminal/terminal.ts'

/**
 * Do the work for each argument in order. 0 if all succeeded, the common code if all ended alike, else 8. `work` may
 * return an exit code of its own. What is cancelled ends the whole, and so does an output that nobody reads.
 */
export async function forEach(
  items: readonly string[],
  terminal: Terminal,
  work: (item: string, at: number) => Promise<number | void>,
): Promise<number> {
  const exits = new Set<number>()
  for (const [at, item] of items.entries()) {
    try {
      exits.add((await work(item, at)) ?? 0)
    } catch (error) {
      if (error instanceof Error && error.name === 'ClosedPipe') throw error
      const fault = asDstoreError(error)
      if (fault.code === 'cancelled') throw fault
      terminal.fail(fault, items.length > 1 ? item : undefined)
      exits.add(fault.kind.exit)
    }
  }
  return commonExit(exits)
}

/** One exit code for work that ended with these: theirs where it is the same, else 8; 0 where there was none. */
export function commonExit(exits: ReadonlySet<number>): number {
  const [first = 0] = exits
  return exits.size <= 1 ? first : ERRORS.partial.exit
}
