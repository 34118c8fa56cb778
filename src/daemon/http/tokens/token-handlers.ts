/** Handlers for the tokens of the API over TCP (specs/007, "Tokens"). */
import { DstoreError } from '../../../errors.ts'
import { isMemberRole } from '../../../membership/role.ts'
import type { TokenAnswer } from '../../api/api.ts'
import type { TokenEntry, TokenTable, TokenTerms } from '../../config/tokens/token-table.ts'
import { readJson, sendJson, withHeartbeat, type HttpCall } from '../call.ts'
import { sendLines } from '../json-lines.ts'

/** GET /v1/tokens: a line for each token, without the token itself. */
export function listTokens(call: HttpCall): Promise<void> {
  return sendLines(call, linesOf(call.tokens))
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* linesOf(table: TokenTable): AsyncGenerator<object> {
  yield* table.list()
}

/** POST /v1/tokens {"role", "label", "expiresMs", "prefix"}, all optional: makes a token. */
export async function addToken(call: HttpCall): Promise<void> {
  const { token, entry } = await call.tokens.add(termsIn(await readJson(call)))
  const answer: TokenAnswer = { token, ...entry }
  // It is a secret, which no proxy may keep.
  sendJson(call, 201, answer, { 'Cache-Control': 'no-store' })
}

/** DELETE /v1/tokens/{token}: revokes it, by its label or id. */
export async function removeToken(call: HttpCall): Promise<void> {
  const removed = (): Promise<TokenEntry> => call.tokens.remove(call.parameters['token'] ?? '')
  sendJson(call, 200, await withHeartbeat(call, removed))
}

function termsIn(document: Readonly<Record<string, unknown>>): TokenTerms {
  const { role, label, expiresMs, prefix, ...others } = document
  const [other] = Object.keys(others)
  // A misspelled `prefix` must not make a token without one.
  if (other !== undefined) throw new DstoreError('usage', `a token has no ${other}`)
  if (role !== undefined && !(typeof role === 'string' && isMemberRole(role))) {
    throw new DstoreError('usage', 'role must be reader, writer or admin')
  }
  if (label !== undefined && typeof label !== 'string') {
    throw new DstoreError('usage', 'label must be a string')
  }
  if (expiresMs !== undefined && typeof expiresMs !== 'number') {
    throw new DstoreError('usage', 'expiresMs must be a number of milliseconds')
  }
  if (prefix !== undefined && typeof prefix !== 'string') {
    throw new DstoreError('usage', 'prefix must be a string')
  }
  return { role, label, expiresMs, prefix }
}
