/** Standard output for the bytes of values: a terminal shows only text (R007-440). */
import { isatty } from 'node:tty'
import { concat } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import type { Output } from '../terminal/output.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** Bytes that must read as text before the first of them is shown. */
const LOOK_BYTES = 4096

/** Whether what is not text must not go to standard output: to a terminal, without `-o -`. */
export const isGuarded = (terminal: Pick<Terminal, 'raw'>): boolean => isatty(1) && !terminal.raw

/** Standard output for one value; on a terminal it refuses one that is not text. */
export function valueOutput(terminal: Terminal): Output {
  return isGuarded(terminal) ? textOnly(terminal.output) : terminal.output
}

/** The same output for text; `usage` for other bytes, before any of them is written. */
export function textOnly(output: Output): Output {
  let held: Uint8Array[] | undefined = []
  const release = async (): Promise<void> => {
    if (held === undefined) return
    const start = concat(held)
    if (!isText(start.subarray(0, LOOK_BYTES))) {
      throw new DstoreError('usage', 'the value is not text, and standard output is a terminal', {
        hint: 'write it to a file with -o FILE, or to the terminal all the same with -o -',
      })
    }
    held = undefined
    await output.write(start)
  }
  return {
    write: async (bytes) => {
      if (held === undefined) return output.write(bytes)
      held.push(bytes.slice())
      const heldBytes = held.reduce((sum, { byteLength }) => sum + byteLength, 0)
      if (heldBytes >= LOOK_BYTES) await release()
    },
    commit: async () => {
      await release()
      await output.commit()
    },
    discard: () => output.discard(),
  }
}

/** Controls that text has no use for; ESC is in logs with colours. */
// oxlint-disable-next-line no-control-regex -- these are what it looks for
const NOT_TEXT = /[\0-\x06\x0e-\x1a\x1c-\x1f\x7f]/

/** UTF-8 without such controls. A range may begin and end within a character. */
function isText(bytes: Uint8Array): boolean {
  let from = 0
  while (from < 3 && (bytes[from] ?? 0) >> 6 === 0b10) from++
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    return !NOT_TEXT.test(decoder.decode(bytes.subarray(from), { stream: true }))
  } catch {
    return false
  }
}
