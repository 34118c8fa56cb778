/**
 * The bearer token of the API over TCP (specs/007, "Over TCP"). A client that can read its file may
 * do what a client on the socket may.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
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

/** Compares the headers of requests with one token. */
export class TokenCheck {
  readonly #expected: Buffer
  readonly #shown: Buffer
  readonly #length: number

  constructor(token: string) {
    this.#length = token.length
    this.#expected = Buffer.alloc(Math.max(PADDED_BYTES, token.length + 1))
    this.#shown = Buffer.alloc(this.#expected.length)
    this.#expected.write(token)
  }

  /**
   * Whether the header carries the token; compared in constant time, over a length that hides the
   * token's.
   */
  accepts(authorization: string | undefined): boolean {
    const shown = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? ''
    this.#shown.fill(0)
    this.#shown.write(shown)
    return timingSafeEqual(this.#shown, this.#expected) && shown.length === this.#length
  }
}

/** Longer than a token that the daemon makes. */
const PADDED_BYTES = 512
