/** `dstore get`: fetch values to standard output, to a file, or to files in a directory. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DstoreError } from '../../src/errors.ts'
import type { RangeRequest } from '../../src/node/node.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { parseReferences, shortLabel } from '../input/references.ts'
import { useDaemon } from '../session.ts'
import { fileOutput, writeWhole } from '../terminal/output.ts'
import { withTransferProgress } from '../terminal/peers.ts'
import { counted } from '../terminal/progress.ts'

export async function get(invocation: Invocation): Promise<number> {
  const { flags, positionals, terminal } = invocation
  const { output, 'output-dir': folder } = flags
  if (output !== undefined && folder !== undefined) {
    throw new DstoreError('usage', 'get takes -o or --output-dir, not both')
  }
  if (positionals.length > 1 && folder === undefined) {
    throw new DstoreError('usage', 'several values need --output-dir DIR')
  }
  const range = flags.range === undefined ? undefined : parseRange(flags.range)
  await parseReferences(positionals)
  const client = await useDaemon(invocation)
  if (folder !== undefined) makeFolder(folder)
  return forEachArgument(positionals, terminal, async (text) => {
    const value = await client.get(text, range)
    const { start, end } = value.range
    const path = folder === undefined ? output : join(folder, value.key)
    const target = path === undefined ? terminal.output : await fileOutput(path)
    await withTransferProgress(terminal, shortLabel(text), client, (line) =>
      writeWhole(target, async () => {
        const bytes = counted(value.bytes, (doneBytes) => line.update(doneBytes, end - start))
        for await (const piece of bytes) await target.write(piece)
        return true
      }),
    )
  })
}

/** `A-B`, inclusive; `A-` to the end; `-N` the last N bytes. Anything else is `malformed-range`. */
export function parseRange(text: string): RangeRequest {
  const match = /^(\d{0,15})-(\d{0,15})$/.exec(text)
  if (match === null || text === '-') {
    throw new DstoreError('malformed-range', `not a byte range: ${text}`, {
      hint: 'write 0-99 for the first hundred bytes, 100- for the rest, -100 for the last hundred',
    })
  }
  const [, first, last] = match as unknown as [string, string, string]
  if (first === '') return { last: Number(last) }
  if (last === '') return { start: Number(first) }
  if (Number(last) < Number(first)) {
    throw new DstoreError('malformed-range', `the range is reversed: ${text}`)
  }
  return { start: Number(first), end: Number(last) + 1 }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new DstoreError('unwritable', `cannot create the directory ${path} (${code})`, { cause })
  }
}
