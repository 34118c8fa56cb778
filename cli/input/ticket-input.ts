/** Reads where to join: a multiaddr, or a ticket, a secret best kept out of arguments (006). */
import { createReadStream, statSync } from 'node:fs'
import { checkJoinAddresses } from '../../src/daemon/config/addresses.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import { decodeUtf8 } from '../../src/utf8.ts'
import { TICKET_CHARS } from '../../src/limits.ts'
import type { Ticket } from '../../src/membership/ticket.ts'
import { unreadableFile } from '../../src/store/file/file-faults.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { standardInput } from './input.ts'

export interface Destination {
  /** The multiaddrs, with commas between them, or the ticket, as given. */
  readonly text: string
  /** Undefined for multiaddrs. */
  readonly ticket: Ticket | undefined
}

/** What is pasted around a ticket: folds, quotation marks, a prompt. */
const AROUND_TICKET = /[\s>|"'`<,.;]/g

/** How a ticket begins (006). */
const TICKET_START = /dstore1/i

/** How long the next line of a folded ticket may take. */
const FOLD_MS = 500

/**
 * The destination in `-` (standard input), `@FILE`, a ticket or multiaddrs. Errors: `usage`,
 * `unreadable`, `malformed-address`, and the reason of the signal.
 */
export async function readDestination(
  source: string,
  terminal: Terminal,
  signal?: AbortSignal,
): Promise<Destination> {
  const { parseTicket } = await import('../../src/membership/ticket.ts')
  const ticketIn = (given: string): Destination => {
    // Whatever is taken away or changed here, the checksum decides.
    const bare = given.replace(AROUND_TICKET, '').toLowerCase()
    const text = bare.slice(Math.max(0, bare.search(TICKET_START)))
    return { text, ticket: parseTicket(text) }
  }
  if (source === '-' || source.startsWith('@')) {
    if (source === '-' && process.stdin.isTTY) {
      terminal.note('paste the ticket that `dstore invite` printed at the Global, then press Enter')
    }
    // Errors do not quote a file or a pipe: its text may be a damaged ticket, and so a secret.
    return readLines(source, (text) => addressesIn(text) ?? ticketIn(text), signal)
  }
  if (source.startsWith('/') || !TICKET_START.test(source)) return checkedAddresses(source)
  terminal.note(
    'warning: other users of this machine can see arguments; pass the ticket by - or @FILE',
  )
  return ticketIn(source)
}

/** Multiaddrs in the first line; undefined if it is something else. */
function addressesIn(text: string): Destination | undefined {
  const [line = ''] = text.split('\n', 1)
  if (!line.startsWith('/')) return undefined
  checkJoinAddresses(line.trim().split(','))
  return { text: line.trim(), ticket: undefined }
}

function checkedAddresses(text: string): Destination {
  try {
    checkJoinAddresses(text.split(','))
  } catch (error) {
    if (statSync(text, { throwIfNoEntry: false })?.isFile() !== true) throw error
    const { code, message } = asDstoreError(error)
    throw new DstoreError(code, message, {
      hint: `did you mean @${text}, the ticket in that file?`,
    })
  }
  return { text, ticket: undefined }
}

type Parse = (text: string) => Destination

/**
 * What `parse` makes of the first line, or of the first and some after it, since a ticket may be
 * folded. Reads no further than a ticket may reach, and no further than needed.
 */
async function readLines(
  source: string,
  parse: Parse,
  signal: AbortSignal | undefined,
): Promise<Destination> {
  signal?.throwIfAborted()
  const input = source === '-' ? standardInput() : createReadStream(source.slice(1))
  const cancel = (): void => void input.destroy(asDstoreError(signal!.reason))
  signal?.addEventListener('abort', cancel)
  let timer: NodeJS.Timeout | undefined
  let text = ''
  let result: Destination | Error | undefined
  try {
    input.setEncoding('latin1')
    for await (const piece of input as AsyncIterable<string>) {
      clearTimeout(timer)
      text = (text + piece).trimStart().slice(0, 2 * TICKET_CHARS)
      result = parseLines(source, text, parse)
      if (text.length === 2 * TICKET_CHARS || isFound(result)) break
      if (result !== undefined) timer = setTimeout(() => input.destroy(), FOLD_MS)
    }
  } catch (cause) {
    if (signal?.aborted === true) throw asDstoreError(cause)
    if (result === undefined) throw unreadableFile(source, cause)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
    input.destroy()
  }
  if (!isFound(result)) result = parseLines(source, `${text}\n`, parse)!
  if (isFound(result)) return result
  throw result
}

const isFound = (result: Destination | Error | undefined): result is Destination =>
  result !== undefined && !(result instanceof Error)

/** Parses the first whole line, the first two, and so on; else returns the fault of the first. */
function parseLines(source: string, text: string, parse: Parse): Destination | Error | undefined {
  let fault: Error | undefined
  for (const { index } of text.matchAll(/\n/g)) {
    // Characters are bytes: what follows a line may be cut in the middle of a character.
    const lines = decodeUtf8(Buffer.from(text.slice(0, index), 'latin1'))
    const name = source === '-' ? 'standard input' : source
    if (lines === undefined) return (fault ??= new DstoreError('usage', `${name} is not UTF-8`))
    try {
      return parse(lines)
    } catch (error) {
      fault ??= asDstoreError(error)
    }
  }
  return fault
}
