/** `has`, `stat`, `ls`, `rm`, `prefetch`, `evict`: short calls on values that exist. */
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import type { Client } from '../../src/daemon/client.ts'
import { formatSize } from '../../src/daemon/quantities.ts'
import { forEach } from '../each.ts'
import type { Invocation, Run } from '../invocation.ts'
import { checkKeys } from '../keys.ts'
import { useDaemon } from '../session.ts'
import type { Terminal } from '../terminal.ts'

type OnKey = (client: Client, key: string, terminal: Terminal) => Promise<number | void>

/** A command that does the same for each of its keys. */
function onKeys(work: OnKey): Run {
  return async (invocation) => {
    const { positionals, terminal } = invocation
    await checkKeys(positionals)
    const client = await useDaemon(invocation)
    return forEach(positionals, terminal, (key) => work(client, key, terminal))
  }
}

export const has: Run = onKeys(async (client, key, terminal) => {
  const found = await client.facts(key).then(
    () => true,
    (error: unknown) => {
      if (asDstoreError(error).code === 'not-found') return false
      throw error
    },
  )
  if (terminal.json) await terminal.print(JSON.stringify({ key, has: found }))
  return found ? 0 : 1
})

export const stat: Run = onKeys(async (client, key, terminal) => {
  const facts = await client.facts(key)
  const lines = [
    `key          ${facts.key}`,
    `size         ${facts.size} bytes`,
    `incarnation  ${facts.incarnation}`,
    `held here    ${facts.heldBytes} bytes`,
    `confirmed    ${facts.confirmed ? 'yes' : 'no: Global is away'}`,
  ]
  await terminal.printFact(facts, lines.join('\n'))
})

export const rm: Run = onKeys(async (client, key, terminal) => {
  const removed = await client.remove(key)
  const freed = formatSize(removed.freedBytes)
  await terminal.printFact(removed, `removed ${removed.key} (seq ${removed.seq}, ${freed} freed)`)
})

export const prefetch: Run = onKeys(async (client, key, terminal) => {
  const line = terminal.progress(key.slice(0, 16))
  try {
    await client.prefetch(key, ({ doneBytes, totalBytes }) => line?.update(doneBytes, totalBytes))
  } finally {
    line?.end()
  }
})

export const evict: Run = onKeys(async (client, key) => {
  await client.evict(key)
})

export async function ls(invocation: Invocation): Promise<number> {
  const { flags, terminal } = invocation
  if (flags.keys !== true) {
    throw new DstoreError('usage', 'ls takes --keys', { hint: 'names are not there yet' })
  }
  const client = await useDaemon(invocation)
  for await (const line of client.keys()) await terminal.printFact(line, line.key)
  return 0
}
