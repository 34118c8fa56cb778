/** `has`, `stat`, `ls`, `rm`, `prefetch`, `evict`: short calls on values that exist. */
import { DstoreError, ERRORS, asDstoreError } from '../../src/errors.ts'
import type { RemoveAnswer } from '../../src/daemon/api.ts'
import type { Client } from '../../src/daemon/client.ts'
import { formatSize } from '../../src/daemon/quantities.ts'
import { forEach } from '../each.ts'
import type { Invocation, Run } from '../invocation.ts'
import { checkKeys } from '../keys.ts'
import { useDaemon } from '../session.ts'
import type { Terminal } from '../terminal.ts'

/** The whole time that a removal waits for Locals, where none is named, in milliseconds. */
const REMOVE_MS = 5_000

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
    ...facts.names.map((name) => `name         ${name}`),
    `confirmed    ${facts.confirmed ? 'yes' : 'no: Global is away'}`,
  ]
  await terminal.printFact(facts, lines.join('\n'))
})

export async function rm(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal } = invocation
  await checkKeys(positionals)
  const client = await useDaemon(invocation, REMOVE_MS)
  return forEach(positionals, terminal, async (key) => {
    const removed = await client.remove(key, flags.force)
    await terminal.printFact(removed, removalText(removed))
    return removed.owed.length === 0 ? 0 : ERRORS.partial.exit
  })
}

/** What happened, which Locals let go, and which have still to. */
function removalText(removed: RemoveAnswer): string {
  const { key, seq, freedBytes, names, acknowledged, owed, expired } = removed
  const lists: [what: string, items: readonly string[]][] = [
    ['names unbound', names],
    ['acknowledged by', acknowledged],
    ['lease ran out at', expired],
    ['still owed by', owed],
  ]
  const more = lists.filter(([, items]) => items.length > 0)
  const facts = more.map(([what, items]) => `; ${what} ${items.join(' ')}`).join('')
  return `removed ${key} (seq ${seq}, ${formatSize(freedBytes)} freed)${facts}`
}

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
