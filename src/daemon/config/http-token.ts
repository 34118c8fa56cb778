/**
 * The bearer token of the API over TCP (specs/007, "Over TCP"). A client that can read its file may
 * do what a client on the socket may.
 */
import { randomBytes } from 'node:crypto'
import { DstoreError } from '../../errors.ts'
import { HTTP_TOKEN_BYTES } from '../../limits.ts'
import { readOrCreateSecret } from '../../store/file/secret-file.ts'

/** Half as many characters as a token that the daemon makes: still too many to guess. */
const MIN_CHARACTERS = HTTP_TOKEN_BYTES

/** Reads the token, or creates its file. `not-permitted` for a file that other users can read. */
export async function readToken(path: string): Promise<string> {
  const make = (): Uint8Array => Buffer.from(`${randomBytes(HTTP_TOKEN_BYTES).toString('hex')}\n`)
  const bytes = await readOrCreateSecret(path, () => Promise.resolve(make()))
  const token = Buffer.from(bytes).toString('latin1').trimEnd()
  if (token.length >= MIN_CHARACTERS && /^[\w.~+/=-]+$/.test(token)) return token
  throw new DstoreError('unreadable', `${path} holds no token`, {
    hint: `delete it, and the next start makes one; or write ${MIN_CHARACTERS} letters and digits`,
  })
}
