/** Handlers for the lists of keys and names (specs/007, "HTTP API"). */
import { setImmediate as turn } from 'node:timers/promises'
import { DstoreError } from '../../../errors.ts'
import type { KeyPage, NamePage } from '../../../node/node.ts'
import { LINES_TYPE, TEXT_TYPE, type StoreAnswer } from '../../api/api.ts'
import { callOptions, sendJson, withBeatIfWanted, type HttpCall } from '../call.ts'
import { sendLines } from '../json-lines.ts'
import { sendBytes } from '../stream.ts'
import { keyDocuments, keyText, nameDocuments, nameText } from './list-lines.ts'

/** GET /v1/keys: one line per key that begins with `?prefix=`. */
export function listKeys(call: HttpCall): Promise<void> {
  const { query } = call
  const limit = query.get('limit')
  const pages = call.node.index.keyPages({
    ...callOptions(call),
    ...given(query, ['prefix']),
    ...(limit !== null && { limit: limitOf(limit) }),
  })
  return sendList<KeyPage>(call, pages, { text: keyText, documents: keyDocuments })
}

/** GET /v1/names: one line per name that begins with `?prefix=`, or per common prefix. */
export function listNames(call: HttpCall): Promise<void> {
  const { query } = call
  const options = { ...callOptions(call), ...given(query, ['after', 'delimiter', 'match']) }
  const limit = query.get('limit')
  const pages = call.node.index.namePages(query.get('prefix') ?? '', {
    ...options,
    ...(limit !== null && { limit: limitOf(limit) }),
  })
  // Many names may be looked at before the first that matches.
  return withBeatIfWanted(call, () =>
    sendList<NamePage>(call, pages, { text: nameText, documents: nameDocuments }),
  )
}

/** GET /v1/usage: how many names each common prefix has, and last all below `?prefix=`. */
export function listUsage(call: HttpCall): Promise<void> {
  const { query } = call
  const options = { ...callOptions(call), ...given(query, ['delimiter']) }
  const lines = call.node.index.usage(query.get('prefix') ?? '', options)
  return withBeatIfWanted(call, () => sendLines(call, lines))
}

/** GET /v1/store: what the store of Global has. */
export async function storeUse(call: HttpCall): Promise<void> {
  const use: StoreAnswer = await withBeatIfWanted(call, () =>
    call.node.index.contents(callOptions(call)),
  )
  sendJson(call, 200, use)
}

function given<Field extends string>(
  query: URLSearchParams,
  fields: readonly Field[],
): { [F in Field]?: string } {
  const found: { [F in Field]?: string } = {}
  for (const field of fields) {
    const text = query.get(field)
    if (text !== null) found[field] = text
  }
  return found
}

function limitOf(text: string): number {
  const limit = Number(text)
  if (/^[1-9]\d*$/.test(text) && Number.isSafeInteger(limit)) return limit
  throw new DstoreError('usage', `limit is a whole number from 1, not ${text}`)
}

type LinesOf<Page> = (page: Page) => Uint8Array

/** Responds as fast as the client reads, with the lines that it asks for (R007-195). */
function sendList<Page>(
  call: HttpCall,
  pages: AsyncGenerator<Page>,
  { text, documents }: { text: LinesOf<Page>; documents: LinesOf<Page> },
): Promise<void> {
  const isText = wantsText(call.request.headers.accept)
  const headers = { 'Content-Type': isText ? `${TEXT_TYPE}; charset=utf-8` : LINES_TYPE }
  const bytes = oneAhead(pages, isText ? text : documents)
  return sendBytes(call, { status: 200, headers: { ...headers, Vary: 'Accept' }, bytes })
}

/** Whether an `Accept` names plain text, and not the documents. */
function wantsText(accept = ''): boolean {
  const types = accept.split(',').map((one) => one.trim().toLowerCase())
  const named = (type: string): boolean =>
    types.some((one) => one.split(/\s*;/)[0] === type && !/;\s*q=0(\.0*)?\s*$/.test(one))
  return named(TEXT_TYPE) && !named(LINES_TYPE)
}

/**
 * The lines of each page. The next page is made while this one is sent: at most two are in memory.
 * Between two pages other calls have a turn.
 */
async function* oneAhead<Page>(
  pages: AsyncGenerator<Page>,
  linesOf: LinesOf<Page>,
): AsyncGenerator<Uint8Array> {
  const read = async (): Promise<Uint8Array | undefined> => {
    await turn()
    const next = await pages.next()
    return next.done === true ? undefined : linesOf(next.value)
  }
  try {
    let next = read()
    for (;;) {
      const lines = await next
      if (lines === undefined) return
      next = read()
      // Thrown when its turn comes: the lines before a failure are sent first.
      next.catch(() => undefined)
      if (lines.byteLength > 0) yield lines
    }
  } finally {
    await pages.return(undefined)
  }
}
