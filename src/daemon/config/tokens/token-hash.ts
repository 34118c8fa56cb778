/** What is kept of a token, and of whatever else opens the API over TCP: a hash. */
import { createHash } from 'node:crypto'

/** SHA-256, in hexadecimal. A table of hashes hides how much of a wrong token is right. */
export function tokenHash(token: string): string {
  return createHash('sha256').update('dstore token\n').update(token).digest('hex')
}
