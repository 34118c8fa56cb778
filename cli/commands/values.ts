/** `has`, `stat`, `prefetch`, `evict`: short calls about values that exist. */
import { DstoreError, ERRORS, asDstoreError } from '../../src/errors.ts'
import type { FactsAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { ELSEWHERE } from '../../src/node/calls/no-such.ts'
import { mapConcurrently } from '../archive/map-concurrently.ts'
import type { Run, Invocation } from '../command.ts'
import { ExitCodes } from '../exit-code.ts'
import type { Reference } from '../input/references.ts'
import { describe, unknown, type Described } from '../many/facts.ts'
import { forEachAtOnce } from '../many/for-each.ts'
import { IN_FLIGHT } from '../many/in-flight.ts'
import { readReferences } from '../many/list-file.ts'
import { labelOfMany, ManyProgress } from '../many/progress.ts'
import { useDaemon } from '../session.ts'
import { withTransferProgress } from '../terminal/peers.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** What one value's turn prints and ends with, prepared before its turn. */
interface Finding {
  readonly reference: Reference
  readonly facts: FactsAnswer | undefined
  /** Where a value is that the node does not have. */
  readonly hint: string | undefined
}

type Report = (finding: Finding, terminal: Terminal) => Promise<number>

/** A command that needs only the facts of its values, which come in few requests (R007-204). */
function onFacts(report: Report, needsHint: (terminal: Terminal) => boolean): Run {
  return async (invocation) => {
    const { terminal } = invocation
    const { texts, types } = await readReferences(invocation)
    const client = await useDaemon(invocation)
    const isOne = texts.length === 1
    const items = isOne ? unknown(texts) : describe(client, texts)
    const codes = new ExitCodes(terminal)
    const find = async ({ text, facts: known }: Described): Promise<Finding> => {
      // If the request for many failed, one for each finds out which argument is to blame.
      const facts = known ?? (await client.factsMany([text]))[0] ?? 'absent'
      const reference = types.get(text)!
      if (facts !== 'absent') return { reference, facts, hint: undefined }
      const hint = needsHint(terminal) ? await elsewhere(client, text) : undefined
      return { reference, facts: undefined, hint }
    }
    const findings = mapConcurrently(items, IN_FLIGHT, async (item) => {
      const finding = await find(item).catch((error: unknown) => ({ error }))
      return { text: item.text, finding }
    })
    for await (const { text, finding } of findings) {
      try {
        if ('error' in finding) throw finding.error
        codes.add(await report(finding, terminal))
      } catch (error) {
        if (asDstoreError(error).code === 'cancelled') throw error
        codes.fail(error, isOne ? undefined : text)
      }
    }
    return codes.common
  }
}

/** Ends with `not-found` for no, which the table of commands turns into 1 (R007-29). */
export const has: Run = onFacts(
  async ({ reference: { type, text }, facts, hint }, terminal) => {
    if (hint !== undefined) terminal.note(hint)
    if (terminal.json) await terminal.print(JSON.stringify({ [type]: text, has: !!facts }))
    return facts === undefined ? ERRORS['not-found'].exit : 0
  },
  (terminal) => !terminal.json,
)

export const stat: Run = onFacts(
  async ({ reference: { type, text }, facts, hint }, terminal) => {
    if (facts === undefined) {
      throw new DstoreError(
        'not-found',
        `no such ${type}: ${text}`,
        hint === undefined ? {} : { hint },
      )
    }
    const lines = [
      `key          ${facts.key}`,
      `size         ${facts.size} bytes`,
      `incarnation  ${facts.incarnation}`,
      `held here    ${facts.heldBytes} bytes`,
      ...facts.names.map((name) => `name         ${name}`),
      ...facts.holders.map((peer) => `holder       ${peer}`),
      `confirmed    ${facts.confirmed ? 'yes' : 'no: Global is away'}`,
    ]
    await terminal.printFact(facts, lines.join('\n'))
    return 0
  },
  () => true,
)

/** Where a value is that the node does not serve: in a store of an earlier role (R007-154). */
async function elsewhere(client: Client, text: string): Promise<string | undefined> {
  const found = await client.findInactive(text).catch(() => undefined)
  return found && ELSEWHERE
}

export async function prefetch(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const { texts } = await readReferences(invocation)
  const client = await useDaemon(invocation)
  const isOne = texts.length === 1
  return withTransferProgress(terminal, labelOfMany(texts), client, (line) => {
    const progress = new ManyProgress(line, texts.length)
    const items = isOne ? unknown(texts) : describe(client, texts)
    return forEachAtOnce({ client, terminal, items, isOne }, async ({ text, facts }) => {
      const one = progress.begin(typeof facts === 'object' ? facts.size : undefined)
      try {
        await client.prefetch(text, ({ doneBytes, totalBytes }) =>
          one.update(doneBytes, totalBytes),
        )
      } finally {
        one.end()
      }
    })
  })
}

export async function evict(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const { texts } = await readReferences(invocation)
  const client = await useDaemon(invocation)
  const many = { client, terminal, items: unknown(texts), isOne: texts.length === 1 }
  return forEachAtOnce(many, async ({ text }) => void (await client.evict(text)))
}
