/** `has`, `stat`, `prefetch`, `evict`: short calls on values that exist. */
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import type { FactsAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { forEach } from '../each.ts'
import type { Run } from '../invocation.ts'
import { showingPeers } from '../terminal/peers.ts'
import { useDaemon } from '../session.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { label, readWords } from '../words.ts'
import type { Word } from '../words.ts'

type OnWord = (client: Client, word: string, terminal: Terminal) => Promise<number | void>

/** A command that does the same for each of its words. */
function onWords(work: OnWord): Run {
  return async (invocation) => {
    const { positionals, terminal } = invocation
    await readWords(positionals)
    const client = await useDaemon(invocation)
    return forEach(positionals, terminal, (text) => work(client, text, terminal))
  }
}

type OnFacts = (facts: FactsAnswer | undefined, word: Word, terminal: Terminal) => Promise<number>

/** The same for a command that needs facts alone: they are asked for together. */
function onFacts(work: OnFacts): Run {
  return async (invocation) => {
    const { positionals, terminal } = invocation
    const words = await readWords(positionals)
    const client = await useDaemon(invocation)
    // Where they cannot be told together, each one's own answer says why.
    const together = await client.factsMany(positionals).catch((error: unknown) => {
      if (positionals.length === 1 || asDstoreError(error).code === 'cancelled') throw error
      return undefined
    })
    return forEach(positionals, terminal, async (text, at) => {
      const facts = together === undefined ? await factsOf(client, text) : together[at]
      return work(facts, words.get(text)!, terminal)
    })
  }
}

async function factsOf(client: Client, word: string): Promise<FactsAnswer | undefined> {
  const [facts] = await client.factsMany([word])
  return facts
}

export const has: Run = onFacts(async (facts, { type, text }, terminal) => {
  if (terminal.json) await terminal.print(JSON.stringify({ [type]: text, has: !!facts }))
  return facts === undefined ? 1 : 0
})

export const stat: Run = onFacts(async (facts, { type, text }, terminal) => {
  if (facts === undefined) throw new DstoreError('not-found', `no such ${type}: ${text}`)
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

export const prefetch: Run = onWords(async (client, word, terminal) => {
  const line = terminal.progress(label(word))
  try {
    await showingPeers(client, line, () =>
      client.prefetch(word, ({ doneBytes, totalBytes }) => line?.update(doneBytes, totalBytes)),
    )
  } finally {
    line?.end()
  }
})

export const evict: Run = onWords(async (client, word) => {
  await client.evict(word)
})
