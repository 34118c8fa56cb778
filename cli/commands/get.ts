/** `dstore get`: fetch values to standard output, to a file, or to files in a directory. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DstoreError } from '../../src/errors.ts'
import type { FetchedValue } from '../../src/daemon/client/client.ts'
import { forEach } from '../each.ts'
import type { Invocation } from '../invocation.ts'
import { fileOutput } from '../terminal/output.ts'
import type { Output } from '../terminal/output.ts'
import { showingPeers } from '../terminal/peers.ts'
import type { ProgressLine } from '../terminal/progress.ts'
import { parseRange } from '../input/range.ts'
import { useDaemon } from '../session.ts'
import { label, readWords } from '../words.ts'

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
  await readWords(positionals)
  const client = await useDaemon(invocation)
  if (folder !== undefined) makeFolder(folder)
  return forEach(positionals, terminal, async (word) => {
    const value = await client.get(word, range)
    const path = folder === undefined ? flags.output : join(folder, value.key)
    const target = path === undefined ? terminal.output : await fileOutput(path)
    const line = terminal.progress(label(word))
    await showingPeers(client, line, () => write(value, target, line))
  })
}

async function write(
  value: FetchedValue,
  output: Output,
  line: ProgressLine | undefined,
): Promise<void> {
  const total = value.range.end - value.range.start
  try {
    let done = 0
    for await (const piece of value.bytes) {
      await output.write(piece)
      done += piece.byteLength
      line?.update(done, total)
    }
    await output.commit()
  } catch (error) {
    await output.discard()
    throw error
  } finally {
    line?.end()
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new DstoreError('unwritable', `cannot make the directory ${path} (${code})`, { cause })
  }
}
