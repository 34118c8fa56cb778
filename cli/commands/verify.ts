/**
 * `dstore verify`: verify every stored value; prints one line for each damaged one. With
 * `--counts`, count again what keeps each key; prints one line for each wrong count. With `--json`
 * the last line sums up, also if nothing is wrong.
 */
import { DstoreError, ERRORS } from '../../src/errors.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import type { Invocation } from '../command.ts'
import { useDaemon } from '../session.ts'
import { plural } from '../terminal/terminal.ts'
import type { VerifyLine } from '../../src/daemon/api/api.ts'

export async function verify(invocation: Invocation): Promise<number> {
  const { flags, terminal } = invocation
  const { repair = false, counts = false } = flags
  if (repair && counts)
    throw new DstoreError('usage', 'verify takes --repair or --counts, not both')
  const client = await useDaemon(invocation)
  let faults = 0
  await terminal.withProgress('verify', async (line) => {
    for await (const one of client.verify({ repair, counts })) {
      if (one.event === 'progress') line.update(one.doneBytes, one.totalBytes)
      else if (one.event === 'damaged') {
        const fate = one.repaired ? 'repaired' : 'set aside'
        await terminal.printFact(one, `${one.key} damaged, ${fate}`)
      } else if (one.event === 'miscounted') {
        await terminal.printFact(one, `${one.key} ${textOf(one)}`)
      } else {
        faults = one.damaged + (one.miscounted ?? 0)
        if (terminal.json) await terminal.print(JSON.stringify(one))
        else terminal.note(summaryOf(one))
      }
    }
  })
  return faults === 0 ? 0 : ERRORS.integrity.exit
}

function textOf({ of, stated, counted, corrected }: VerifyLine & { event: 'miscounted' }): string {
  const fate = corrected ? 'corrected' : 'left as it is, because a directory is damaged'
  switch (of) {
    case 'directories':
    case 'holds':
      return `is held by ${counted} ${of}, not ${stated}: ${fate}`
    case 'missing':
      return stated === 0 ? `is missing: ${fate}` : `is not missing: ${fate}`
    case 'nothing':
      return 'was kept by nothing: removed'
  }
}

function summaryOf(done: VerifyLine & { event: 'done' }): string {
  const { values, doneBytes, damaged, miscounted, unsettled = 0 } = done
  const bytes = formatSize(doneBytes)
  const found = damaged === 0 ? 'all intact' : `${damaged} damaged`
  if (miscounted === undefined) return `${plural(values, 'value')}, ${bytes}: ${found}`
  const directories = values === 1 ? '1 directory' : `${values} directories`
  const wrong = miscounted === 0 ? 'all counts right' : `${plural(miscounted, 'count')} wrong`
  const busy = unsettled === 0 ? '' : `; ${unsettled} changed too often to be counted`
  const broken = damaged === 0 ? '' : `, ${damaged} damaged`
  return `${directories}, ${bytes}${broken}: ${wrong}${busy}`
}
