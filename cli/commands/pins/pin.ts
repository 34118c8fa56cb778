/** `dstore pin`, `unpin` and `pins`: what stays on this machine (R007-380). */
import type { PinLine } from '../../../src/daemon/api/api.ts'
import { formatSize, parseRate } from '../../../src/daemon/config/quantities.ts'
import type { Invocation } from '../../command.ts'
import { ExitCodes, forEachArgument } from '../../exit-code.ts'
import { withSpelling } from '../../input/spelling.ts'
import { labelOfMany, ManyProgress } from '../../many/progress.ts'
import { useDaemon } from '../../session.ts'
import { withTransferProgress } from '../../terminal/peers.ts'

/** One after another: each gets the whole network. */
export async function pin(invocation: Invocation): Promise<number> {
  const { terminal, flags, positionals, signal } = invocation
  const { 'max-rate': rate } = flags
  const maxRate = rate === undefined ? undefined : parseRate(rate)
  const client = await useDaemon(invocation)
  const codes = new ExitCodes(terminal)
  const pinned: PinLine[] = []
  await withTransferProgress(terminal, labelOfMany(positionals), client, async (line) => {
    const progress = new ManyProgress(line, positionals.length)
    for (const word of positionals) {
      const one = progress.begin(undefined)
      const onProgress: Parameters<typeof client.prefetch>[1] = ({ doneBytes, totalBytes }) =>
        one.update(doneBytes, totalBytes)
      try {
        const pinOne = (one: string): Promise<PinLine> =>
          client.pins.pin(one, { maxRate, onProgress })
        pinned.push(await withSpelling(() => client, word, pinOne))
        codes.add(0)
      } catch (error) {
        if (signal.aborted) throw error
        codes.fail(error, positionals.length === 1 ? undefined : word)
      } finally {
        one.end()
      }
    }
  })
  for (const one of pinned) {
    if (terminal.json) await terminal.print(JSON.stringify(one))
    else terminal.note(`pinned ${one.word}: ${formatSize(one.size ?? 0)}`)
  }
  return codes.common
}

export async function unpin(invocation: Invocation): Promise<number> {
  const client = await useDaemon(invocation)
  return forEachArgument(invocation.positionals, invocation.terminal, async (word) => {
    await withSpelling(
      () => client,
      word,
      (one) => client.pins.unpin(one),
    )
  })
}

export async function pins(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const client = await useDaemon(invocation)
  const failed: PinLine[] = []
  for await (const one of client.pins.list()) {
    await terminal.print(terminal.json ? JSON.stringify(one) : lineOf(one))
    if (one.error !== undefined) failed.push(one)
  }
  if (terminal.json) return 0
  for (const { word, error } of failed) terminal.note(`${word}: ${error}`)
  return 0
}

/** `held           1.2 GiB of 1.2 GiB  models/v1`; the words are last, as they may have spaces. */
function lineOf({ word, state, heldBytes, size, permanent }: PinLine): string {
  const bytes = size === undefined ? '-' : `${formatSize(heldBytes)} of ${formatSize(size)}`
  return `${state.padEnd(12)}${bytes.padStart(24)}  ${word}${permanent ? '  (--pin)' : ''}`
}
