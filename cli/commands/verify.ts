/** `dstore verify`: verify every stored value; prints one line for each damaged one. */
import { ERRORS } from '../../src/errors.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import type { Invocation } from '../command.ts'
import { useDaemon } from '../session.ts'
import { plural } from '../terminal/terminal.ts'

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
        const found = damaged === 0 ? 'all intact' : `${damaged} damaged`
        terminal.note(`${plural(one.values, 'value')}, ${formatSize(one.doneBytes)}: ${found}`)
      }
    }
  })
  return damaged === 0 ? 0 : ERRORS.integrity.exit
}
