/** Reads where to join: a multiaddr, or a ticket, a secret best kept out of arguments (006). */
import { createReadStream } from 'node:fs'
import { checkJoinAddresses } from '../../src/daemon/config/addresses.ts'
import { bytesIn } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { decodeUtf8 } from '../../src/utf8.ts'
import { TICKET_CHARS } from '../../src/limits.ts'
import type { Ticket } from '../../src/membership/ticket.ts'
import { unreadableFile } from '../../src/store/file/file-faults.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { standardInput } from './input.ts'

const LINE_END = 0x0a

export interface Destination {
  /** The multiaddrs, with commas between them, or the ticket, as given. */
  readonly text: string
  /** Undefined for multiaddrs. */
  readonly ticket: Ticket | undefined
}

/**
 * The destination in `-` (standard input), `@FILE`, a ticket or multiaddrs. Errors: `usage`,
 * `unreadable`, `malformed-address`.
 */
export async function readDestination(source: string, terminal: Terminal): Promise<Destination> {
  const isNamed = source === '-' || source.startsWith('@')
  const text = isNamed ? await firstLine(source) : source
  const { looksLikeTicket, parseTicket } = await import('../../src/membership/ticket.ts')
  // Errors do not quote a file or a pipe: its text may be a damaged ticket, and so a secret.
  const isAddress = isNamed ? text.startsWith('/') : !looksLikeTicket(text)
  if (isAddress) {
    checkJoinAddresses(text.split(','))
    return { text, ticket: undefined }
  }
  if (!isNamed) {
    terminal.note(
      'warning: other users of this machine can see arguments; pass the ticket by - or @FILE',
    )
  }
  return { text, ticket: parseTicket(text) }
}

async function firstLine(source: string): Promise<string> {
  const input = source === '-' ? standardInput() : createReadStream(source.slice(1))
  const pieces: Uint8Array[] = []
  try {
    for await (const piece of input as AsyncIterable<Uint8Array>) {
      pieces.push(piece)
      if (piece.includes(LINE_END) || bytesIn(pieces) > 2 * TICKET_CHARS) break
    }
  } catch (cause) {
    throw unreadableFile(source, cause)
  }
  input.destroy()
  // Up to the end of the line: what follows may be cut in the middle of a character.
  const [line = ''] = Buffer.concat(pieces).toString('latin1').trimStart().split('\n', 1)
  const text = decodeUtf8(Buffer.from(line, 'latin1'))
  if (text !== undefined) return text.trim()
  throw new DstoreError('usage', `${source === '-' ? 'standard input' : source} is not UTF-8`)
}
