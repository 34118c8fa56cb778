/** The key file of an archive: made once, and kept by people (specs/011-archive.md). */
import { randomBytes } from 'node:crypto'
import { fromHex } from '../../../bytes.ts'
import { DstoreError } from '../../../errors.ts'
import { readOrCreateSecret, readSecret } from '../../../store/file/secret-file.ts'
import { ARCHIVE_KEY_BYTES, type BucketOf } from './sealed-identity.ts'

/** Search tools can find a key that leaked by this. */
const START = 'dstore_archive_key_'

/** The key, if there is a file. Errors: `not-permitted` if others may read it; `unreadable`. */
export async function readArchiveKey(
  path: string,
  of: BucketOf = 'archive',
): Promise<Uint8Array | undefined> {
  const bytes = await readSecret(path)
  return bytes && keyIn(bytes, path, of)
}

/** The key, in a file that is made if it is missing. Errors: as above, and `unwritable`. */
export async function makeArchiveKey(path: string, of: BucketOf = 'archive'): Promise<Uint8Array> {
  const make = (): Uint8Array =>
    Buffer.from(`${START}${randomBytes(ARCHIVE_KEY_BYTES).toString('hex')}\n`)
  return keyIn(await readOrCreateSecret(path, () => Promise.resolve(make())), path, of)
}

function keyIn(bytes: Uint8Array, path: string, of: BucketOf): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1').trim()
  const hex = text.startsWith(START) ? text.slice(START.length) : ''
  const key = fromHex(hex)
  if (key?.byteLength === ARCHIVE_KEY_BYTES) return key
  throw new DstoreError(
    'unreadable',
    `${path} holds no key of ${of === 'set' ? 'a set' : 'an archive'}`,
    {
      hint: `give the file that the first start with --${of}-key made`,
    },
  )
}
