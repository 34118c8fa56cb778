/** Where a node is told to join: a multiaddr, or a ticket, which is a secret and best kept out of arguments (006). */
import { createReadStream } from 'node:fs'
import { DstoreError } from '../../src/errors.ts'
import { checkJoinAddress } from '../../src/daemon/config/addresses.ts'
import { TICKET_CHARS } from '../../src/limits.ts'
import type { Ticket } from '../../src/membership/ticket.ts'
import type { Terminal } from '../terminal/terminal.ts'

export interface Destination {
  /** The multiaddr or the ticket, as it was written. */
  readonly text: string
  /** Undefined where it is a multiaddr. */
  readonly ticket: Ticket | undefined
}

/** What `-` (standard input), `@FILE`, a ticket or a multiaddr says; `usage`, `unreadable` or `malformed-address`. */
export async function readDestination(source: string, terminal: Terminal): Promise<Destination> {
  const isNamed = source === '-' || source.startsWith('@')
  const text = isNamed ? await firstLine(source) : source
  const { looksLikeTicket, parseTicket } = await import('../../src/membership/ticket.ts')
  // What was read from a file or a pipe is not repeated in errors: it may be a secret, cut or spoilt.
  const isAddress = isNamed ? text.startsWith('/') : !looksLikeTicket(text)
  if (isAddress) return { text: checkJoinAddress(text), ticket: undefined }
  if (!isNamed) {
    terminal.note('warning: others on this machine can see arguments; give a ticket by - or @FILE')
  }
  return { text, ticket: parseTicket(text) }
}

async function firstLine(source: string): Promise<string> {
  const input = source === '-' ? process.stdin : createReadStream(source.slice(1))
  let text = ''
  try {
    for await (const piece of input) {
      text += String(piece)
      if (text.includes('\n') || text.length > 2 * TICKET_CHARS) break
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new DstoreError('unreadable', `cannot read ${source} (${code})`, { cause })
  }
  input.destroy()
  return text.trim().split('\n', 1)[0]!.trim()
}
