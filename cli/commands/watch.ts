/** `dstore watch`: every change of the index as it happens, until Ctrl-C. */
import type { ChangeLine } from '../../src/daemon/api/api.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import type { Invocation } from '../command.ts'
import { useDaemon } from '../session.ts'

export async function watch(invocation: Invocation): Promise<number> {
  const { flags, terminal } = invocation
  const client = await useDaemon(invocation)
  for await (const change of client.watch(flags.after)) {
    await terminal.printFact(change, changeText(change))
  }
  return 0
}

/** `7 put bafkr4i... 13B models/v1`; what a tag was moved from, and why a name went (R007-298). */
export function changeText(change: ChangeLine): string {
  const { seq, type, key, size, names, peer, role, previous, why } = change
  const from = previous && `from ${previous}`
  const because = why && `(${why})`
  const bytes = size === undefined ? undefined : formatSize(size)
  const of = [key, bytes, ...names, peer, role, from, because]
  return [seq, type, ...of.filter((part) => part !== undefined)].join(' ')
}
