/** `dstore doctor`: what is wrong with this node, and what to do about it (R007-130). */
import { parseTimeout } from '../../src/daemon/config/quantities.ts'
import { chooseDirectory } from '../../src/daemon/config/state-directory.ts'
import { ERRORS } from '../../src/errors.ts'
import type { Invocation } from '../command.ts'
import { examine } from '../doctor/checks.ts'
import { count } from '../doctor/finding.ts'
import { gather } from '../doctor/gather.ts'
import { document, findingsText, summaryText } from '../doctor/render.ts'

/** How long each part may take by default. */
const PART_MS = 5000

const REDRAW_MS = 200

export async function doctor({ flags, terminal, signal }: Invocation): Promise<number> {
  const directory = chooseDirectory(flags.dir, process.env)
  // Not that of DSTORE_TIMEOUT: what suits a large put is too long here.
  const timeoutMs = flags.timeout === undefined ? PART_MS : parseTimeout(flags.timeout)
  const facts = await terminal.withProgress('doctor', async (line) => {
    const open = new Set<string>()
    const onPart = (what: string, isOver: boolean): void =>
      void (isOver ? open.delete(what) : open.add(what))
    const redraw = setInterval(() => line.say(`waits for ${[...open].join(', ')}`), REDRAW_MS)
    try {
      return await gather(directory, flags, { timeoutMs, signal, onPart })
    } finally {
      clearInterval(redraw)
    }
  })
  const findings = examine(facts)
  await terminal.printFact(document(facts, findings), findingsText(findings))
  terminal.note(summaryText(findings))
  return count(findings, 'problem') === 0 ? 0 : ERRORS.partial.exit
}
