/** `dstore export`: values with their names, as one tar file. */
import { isatty } from 'node:tty'
import { DstoreError } from '../../src/errors.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import { Archive } from '../archive/archive.ts'
import { everything, ofWords } from '../archive/collect.ts'
import { endsAll } from '../archive/faults.ts'
import { commonExit } from '../each.ts'
import type { Invocation } from '../invocation.ts'
import { fileOutput } from '../terminal/output.ts'
import { useDaemon } from '../session.ts'
import { readWords } from '../words.ts'

export async function exportValues(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal, signal } = invocation
  if (flags.output === undefined && isatty(1)) {
    const hint = 'write `dstore export > FILE.tar`'
    throw new DstoreError('usage', 'an archive is not for a terminal', { hint })
  }
  const words = await readWords(positionals)
  const client = await useDaemon(invocation)
  const all = positionals.length === 0
  const total = all ? (await client.status()).store?.valueBytes : undefined
  const output = flags.output === undefined ? terminal.output : await fileOutput(flags.output)
  const line = terminal.progress('export')
  const archive = new Archive(
    client,
    (bytes) => output.write(bytes),
    (doneBytes) => line?.update(doneBytes, total),
  )
  const stop = (): void => archive.abandon(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  const exits = new Set<number>()
  try {
    const collected = all ? everything(client) : ofWords(client, [...words.values()])
    for await (const one of collected) {
      const missing = 'fault' in one ? one : await archive.add(one)
      if (missing === undefined) exits.add(0)
      else {
        const { word, fault } = missing
        if (endsAll(fault)) throw fault
        terminal.fail(fault, word)
        exits.add(fault.kind.exit)
      }
    }
    if (exits.size > 0 && !exits.has(0)) await output.discard()
    else {
      await archive.end()
      await output.commit()
      const { values, doneBytes, names } = archive
      terminal.note(`${values} values, ${formatSize(doneBytes)}, ${names} names`)
    }
  } catch (error) {
    await output.discard()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    line?.end()
  }
  return commonExit(exits)
}
