/** One exit code for several arguments, values or statements (R007-22). */
import { asDstoreError, ERRORS } from '../src/errors.ts'
import { ClosedPipe } from './terminal/output.ts'
import type { Terminal } from './terminal/terminal.ts'

/** Collects the exit codes of independent pieces of work, and reports their failures. */
export class ExitCodes {
  readonly #terminal: Pick<Terminal, 'fail'>
  readonly #codes = new Set<number>()

  constructor(terminal: Pick<Terminal, 'fail'>) {
    this.#terminal = terminal
  }

  /** Has no work ended yet? */
  get isEmpty(): boolean {
    return this.#codes.size === 0
  }

  /** Did all work fail, and was there some? */
  get allFailed(): boolean {
    return !this.isEmpty && !this.#codes.has(0)
  }

  /** The code of all work if it is the same, else `partial`; 0 if no work was done. */
  get common(): number {
    const [first = 0] = this.#codes
    return this.#codes.size <= 1 ? first : ERRORS.partial.exit
  }

  add(code: number): void {
    this.#codes.add(code)
  }

  /**
   * Report a failure and add its exit code. Cancellation is not reported: the user asked for it. A
   * closed pipe is rethrown: all further output would be lost.
   */
  fail(error: unknown, argument?: string): void {
    if (error instanceof ClosedPipe) throw error
    const fault = asDstoreError(error)
    if (fault.code !== 'cancelled') this.#terminal.fail(fault, argument)
    this.add(fault.kind.exit)
  }
}

/**
 * Run `work` for each argument in order, and return the common exit code. `work` may return an exit
 * code, and succeeds without one. Cancellation and a closed pipe end the loop.
 */
export async function forEachArgument(
  items: readonly string[],
  terminal: Terminal,
  work: (item: string, index: number) => Promise<number | void>,
): Promise<number> {
  const codes = new ExitCodes(terminal)
  for (const [index, item] of items.entries()) {
    try {
      codes.add((await work(item, index)) ?? 0)
    } catch (error) {
      if (asDstoreError(error).code === 'cancelled') throw error
      codes.fail(error, items.length > 1 ? item : undefined)
    }
  }
  return codes.common
}
