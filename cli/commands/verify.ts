/** `dstore verify`: read every value back against its key; prints one line for each damaged value. */
import { ERRORS } from '../../src/errors.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import type { Invocation } from '../command.ts'
import { useDaemon } from '../session.ts'

export async function verify(invocation: Invocation): Promise<number> {
  const { flags, terminal } = invocation
  const client = await useDaemon(invocation)
  let damaged = 0
  await terminal.withProgress('verify', async (line) => {
    for await (const one of client.verify(flags.repair === true)) {
      if (one.event === 'progress') line.update(one.doneBytes, one.totalBytes)
      else if (one.event === 'damaged') {
        const fate = one.repaired ? 'repaired' : 'set aside'
        await terminal.printFact(one, `${one.key} damaged, ${fate}`)
      } else {
        damaged = one.damaged
        const found = damaged === 0 ? 'all whole' : `${damaged} damaged`
        terminal.note(`${one.values} values, ${formatSize(one.doneBytes)}: ${found}`)
      }
    }
  })
  return damaged === 0 ? 0 : ERRORS.integrity.exit
}
