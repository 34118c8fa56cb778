/**
 * The token of the API over TCP: whoever can read the file that holds it acts with the node's role, as whoever reaches
 * the socket does (specs/007, "Over TCP").
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { DstoreError } from '../../errors.ts'
import { HTTP_TOKEN_BYTES } from '../../limits.ts'
import { readOrCreateSecret } from '../../store/file/secret-file.ts'

/** Half as many characters as the daemon's own has: enough of them to resist guessing. */
const FEWEST_CHARACTERS = HTTP_TOKEN_BYTES

/** The token in this file, which is made where there is none. `not-permitted` where others may read it. */
export async function readToken(path: string): Promise<string> {
  const make = (): Uint8Array => Buffer.from(`${randomBytes(HTTP_TOKEN_BYTES).toString('hex')}\n`)
  const bytes = await readOrCreateSecret(path, () => Promise.resolve(make()))
  const token = Buffer.from(bytes).toString('latin1').trimEnd()
  if (token.length >= FEWEST_CHARACTERS && /^[\w.~+/=-]+$/.test(token)) return token
  throw new DstoreError('unreadable', `${path}: holds no token`, {
    hint: `delete it, and the next start makes one; or write ${FEWEST_CHARACTERS} letters and digits`,
  })
}

/** Does this header show the token? Takes as long whatever it shows. */
export function showsToken(authorization: string | undefined, token: string): boolean {
  const shown = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? ''
  return timingSafeEqual(digest(shown), digest(token))
}

/** Of one length for all, which the comparison needs and which tells nothing of the token's. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
