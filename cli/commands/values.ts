/** `has`, `stat`, `prefetch`, `evict`: short calls on values that exist. */
import { asDstoreError } from '../../src/errors.ts'
import type { Client } from '../../src/daemon/client.ts'
import { forEach } from '../each.ts'
import type { Run } from '../invocation.ts'
import { useDaemon } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { keyOf, readWords, unknownWord } from '../words.ts'
import type { Word } from '../words.ts'

type OnWord = (client: Client, word: Word, terminal: Terminal) => Promise<number | void>

/** A command that does the same for each of its words. */
function onWords(work: OnWord): Run {
  return async (invocation) => {
    const { positionals, terminal } = invocation
    const words = await readWords(positionals)
    const client = await useDaemon(invocation)
    return forEach(positionals, terminal, (text) => work(client, words.get(text)!, terminal))
  }
}

export const has: Run = onWords(async (client, { type, text }, terminal) => {
  const asked = type === 'key' ? client.facts(text) : client.lookup(text)
  const found = await asked.then(
    () => true,
    async (cause: unknown) => {
      const error = await unknownWord(text, cause)
      if (asDstoreError(error).code === 'not-found') return false
      throw error
    },
  )
  if (terminal.json) await terminal.print(JSON.stringify({ [type]: text, has: found }))
  return found ? 0 : 1
})

export const stat: Run = onWords(async (client, word, terminal) => {
  const facts = await client.facts(await keyOf(client, word))
  const lines = [
    `key          ${facts.key}`,
    `size         ${facts.size} bytes`,
    `incarnation  ${facts.incarnation}`,
    `held here    ${facts.heldBytes} bytes`,
    ...facts.names.map((name) => `name         ${name}`),
    `confirmed    ${facts.confirmed ? 'yes' : 'no: Global is away'}`,
  ]
  await terminal.printFact(facts, lines.join('\n'))
})

export const prefetch: Run = onWords(async (client, word, terminal) => {
  const line = terminal.progress(word.text.slice(0, 16))
  try {
    await client.prefetch(await keyOf(client, word), ({ doneBytes, totalBytes }) =>
      line?.update(doneBytes, totalBytes),
    )
  } finally {
    line?.end()
  }
})

export const evict: Run = onWords(async (client, word) => {
  await client.evict(await keyOf(client, word))
})
