/** `has`, `stat`, `prefetch`, `evict`: short calls about values that exist. */
import { DstoreError, ERRORS, asDstoreError } from '../../src/errors.ts'
import type { FactsAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { ELSEWHERE } from '../../src/node/calls/no-such.ts'
import type { Invocation, Run } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { parseReferences, shortLabel, type Reference } from '../input/references.ts'
import { useDaemon } from '../session.ts'
import { withTransferProgress } from '../terminal/peers.ts'
import type { Terminal } from '../terminal/terminal.ts'

type OnFacts = (
  facts: FactsAnswer | undefined,
  reference: Reference,
  terminal: Terminal,
  client: Client,
) => Promise<number>

/** A command that needs only the facts of its values: it asks for all of them in one request. */
function onFacts(work: OnFacts): Run {
  return async (invocation) => {
    const { positionals, terminal } = invocation
    const references = await parseReferences(positionals)
    const client = await useDaemon(invocation)
    // If the request for all fails, one request for each finds out which argument is to blame.
    const together = await client.factsMany(positionals).catch((error: unknown) => {
      if (positionals.length === 1 || asDstoreError(error).code === 'cancelled') throw error
      return undefined
    })
    return forEachArgument(positionals, terminal, async (text, index) => {
      const facts = together === undefined ? (await client.factsMany([text]))[0] : together[index]
      return work(facts, references.get(text)!, terminal, client)
    })
  }
}

/** Ends with `not-found` for no, which the table of commands turns into 1 (R007-29). */
export const has: Run = onFacts(async (facts, { type, text }, terminal, client) => {
  if (facts === undefined && !terminal.json) {
    const hint = await elsewhere(client, text)
    if (hint !== undefined) terminal.note(hint)
  }
  if (terminal.json) await terminal.print(JSON.stringify({ [type]: text, has: !!facts }))
  return facts === undefined ? ERRORS['not-found'].exit : 0
})

export const stat: Run = onFacts(async (facts, { type, text }, terminal, client) => {
  if (facts === undefined) {
    const hint = await elsewhere(client, text)
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
})

/** Where a value is that the node does not serve: in a store of an earlier role (R007-154). */
async function elsewhere(client: Client, text: string): Promise<string | undefined> {
  const found = await client.findInactive(text).catch(() => undefined)
  return found && ELSEWHERE
}

export async function prefetch(invocation: Invocation): Promise<number> {
  const { positionals, terminal } = invocation
  await parseReferences(positionals)
  const client = await useDaemon(invocation)
  return forEachArgument(positionals, terminal, async (text) => {
    await withTransferProgress(terminal, shortLabel(text), client, (line) =>
      client.prefetch(text, ({ doneBytes, totalBytes }) => line.update(doneBytes, totalBytes)),
    )
  })
}

export async function evict(invocation: Invocation): Promise<number> {
  const { positionals, terminal } = invocation
  await parseReferences(positionals)
  const client = await useDaemon(invocation)
  return forEachArgument(positionals, terminal, async (text) => {
    await client.evict(text)
  })
}
