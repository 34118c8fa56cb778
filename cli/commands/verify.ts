/** `dstore verify`: read everything back against its key; a line for each value that is damaged. */
import { ERRORS } from '../../src/errors.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import type { Invocation } from '../invocation.ts'
import { useDaemon } from '../session.ts'

export async function verify(invocation: Invocation): Promise<number> {
  const { flags, terminal } = invocation
  const client = await useDaemon(invocation)
  const line = terminal.progress('verify')
  let damaged = 0
  try {
    for await (const one of client.verify(flags.repair === true)) {
      if (one.event === 'progress') line?.update(one.doneBytes, one.totalBytes)
      else if (one.event === 'damaged') {
        const fate = one.repaired ? 'repaired' : 'set aside'
        await terminal.printFact(one, `${one.key} damaged, ${fate}`)
      } else {
        damaged = one.damaged
        const found = damaged === 0 ? 'all whole' : `${damaged} damaged`
        terminal.note(`${one.values} values, ${formatSize(one.doneBytes)}: ${found}`)
      }
    }
  } finally {
    line?.end()
  }
  return damaged === 0 ? 0 : ERRORS.integrity.exit
}
