/** Reads where to join: a multiaddr, or a ticket, a secret best kept out of arguments (006). */
import { createReadStream } from 'node:fs'
import { checkJoinAddress } from '../../src/daemon/config/addresses.ts'
import { TICKET_CHARS } from '../../src/limits.ts'
import type { Ticket } from '../../src/membership/ticket.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { unreadable } from './input.ts'

export interface Destination {
  /** The multiaddr or the ticket, as given. */
  readonly text: string
  /** Undefined for a multiaddr. */
  readonly ticket: Ticket | undefined
}

/**
 * The destination in `-` (standard input), `@FILE`, a ticket or a multiaddr. Errors: `usage`,
 * `unreadable`, `malformed-address`.
 */
export async function readDestination(source: string, terminal: Terminal): Promise<Destination> {
  const isNamed = source === '-' || source.startsWith('@')
  const text = isNamed ? await firstLine(source) : source
  const { looksLikeTicket, parseTicket } = await import('../../src/membership/ticket.ts')
  // Errors do not quote a file or a pipe: its text may be a damaged ticket, and so a secret.
  const isAddress = isNamed ? text.startsWith('/') : !looksLikeTicket(text)
  if (isAddress) return { text: checkJoinAddress(text), ticket: undefined }
  if (!isNamed) {
    terminal.note(
      'warning: other users of this machine can see arguments; pass the ticket by - or @FILE',
    )
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
    throw unreadable(source, cause)
  }
  input.destroy()
  return text.trim().split('\n', 1)[0]!.trim()
}
