/** Listings: a line for each item, sent as the client takes them (specs/007-daemon-and-command-line.md, "HTTP API"). */
import { LINES_TYPE } from '../api/api.ts'
import type { HttpCall } from './call.ts'
import { sendBytes } from './stream.ts'

/** Lines of a listing are sent in pieces of about this many characters. */
const LISTING_PIECE = 32_768

/** Answer with the documents as lines. A listing that fails on the way never looks whole. */
export function sendLines(exchange: HttpCall, documents: AsyncIterable<unknown>): Promise<void> {
  return sendBytes(exchange, {
    status: 200,
    headers: { 'Content-Type': LINES_TYPE },
    bytes: lines(documents),
  })
}

async function* lines(documents: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  let text = ''
  for await (const document of documents) {
    text += `${JSON.stringify(document)}\n`
    if (text.length < LISTING_PIECE) continue
    yield Buffer.from(text)
    text = ''
  }
  if (text !== '') yield Buffer.from(text)
}
