/**
 * CIDs of any codec and hash function, as other tools write them (specs/010-doors.md, R010-90). A
 * key is one of them: `parseKey` reads keys.
 */
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { DstoreError } from '../errors.ts'
import { CID_CHARACTERS, DIGEST_BYTES } from '../limits.ts'
import { digestNameOf } from './foreign-digest.ts'
import { Key } from './key.ts'
import { BASES } from './multibase.ts'

/** What a store can know a block by. */
export type BlockId =
  /** The key of a value: of whatever codec, the CID has its digest. */
  | { readonly key: Key }
  /** The name that spells the digest (specs/004, R004-165). */
  | { readonly name: string }
  /** Of the hash function identity: the CID has the bytes themselves. */
  | { readonly bytes: Uint8Array }

const IDENTITY = 0x00
const BLAKE3 = 0x1e

/** The CID that a text is, in any multibase. Throws `malformed-key` for any other text. */
export function parseCid(text: string): CID {
  if (text.length > CID_CHARACTERS) {
    throw malformed(`longer than ${CID_CHARACTERS} characters`)
  }
  const isOld = /^Qm[1-9A-HJ-NP-Za-km-z]{44}$/.test(text)
  const base = isOld ? base58btc : BASES.get(String.fromCodePoint(text.codePointAt(0) ?? 0))
  if (base === undefined) throw malformed('it begins with the letter of no known multibase')
  let cid: CID
  try {
    cid = CID.decode(base.decode(isOld ? `z${text}` : text))
  } catch (cause) {
    throw malformed(`it is no CID in ${base.name}`, cause)
  }
  if (cid.version === 0 && !isOld) throw malformed('a CID of version 0 has no multibase')
  return cid
}

/** What a store knows the block of a CID by; undefined where it can know no such block. */
export function blockIdOf({ multihash }: CID): BlockId | undefined {
  const { code, digest } = multihash
  if (code === IDENTITY) return { bytes: digest }
  if (code === BLAKE3) {
    return digest.byteLength === DIGEST_BYTES ? { key: new Key(digest) } : undefined
  }
  const name = digestNameOf(code, digest)
  return name === undefined ? undefined : { name }
}

const malformed = (reason: string, cause?: unknown): DstoreError =>
  new DstoreError('malformed-key', `not a CID: ${reason}`, { cause })
