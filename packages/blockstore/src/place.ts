/** Where dstore has a block: under its key, or under a name that spells its digest. */
import { digestName, DstoreError, Key } from '@dstore/dstore'
import type { DigestAlgorithm } from '@dstore/dstore'
import { NotFoundError } from 'interface-store'
import { base32 } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import * as multihash from 'multiformats/hashes/digest'
import { BLAKE3_CODE } from './hasher.ts'

/** A key, or a name: what the calls of dstore take. */
export type Place = Key | string

/** Names that spell digests begin with this. */
export const DIGEST_NAMES = 'mh/'

const KEY_BYTES = 32

/** By the code of the multihash. */
const ALGORITHMS: ReadonlyMap<number, { readonly name: DigestAlgorithm; readonly bytes: number }> =
  new Map([
    [0x12, { name: 'sha2-256', bytes: 32 }],
    [0x20, { name: 'sha2-384', bytes: 48 }],
    [0x13, { name: 'sha2-512', bytes: 64 }],
  ])

/** Where the block of a CID is; undefined for a hash function or length that dstore has not. */
export function placeOf({ multihash }: CID): Place | undefined {
  const { code, digest } = multihash
  if (code === BLAKE3_CODE) return digest.byteLength === KEY_BYTES ? new Key(digest) : undefined
  const algorithm = ALGORITHMS.get(code)
  if (algorithm?.bytes !== digest.byteLength) return undefined
  return digestName(algorithm.name, digest)
}

/** The same; throws for a CID whose block dstore cannot store. */
export function placeFor(cid: CID): Place {
  const place = placeOf(cid)
  if (place !== undefined) return place
  const { code, digest } = cid.multihash
  const message = `dstore stores no blocks by ${digest.byteLength} bytes of the hash function 0x${code.toString(16)}`
  throw new DstoreError('usage', message, {
    hint: 'blake3, sha2-256, sha2-384 or sha2-512, whole; Helia keeps blocks of identity itself',
  })
}

/** The CID of a block by the name that spells its digest; undefined for any other name. */
export function cidOfName(name: string): CID | undefined {
  try {
    return CID.createV1(raw.code, multihash.decode(base32.decode(name.slice(DIGEST_NAMES.length))))
  } catch {
    return undefined
  }
}

/** The CID that a key is. */
export const cidOfKey = (key: Key): CID => CID.decode(key.toBytes())

/**
 * The error that callers of a blockstore expect: the reason of their signal, or `NotFoundError`.
 * Every other is dstore's own.
 */
export function storeError(error: unknown, cid: CID, signal?: AbortSignal): unknown {
  if (!(error instanceof DstoreError)) return error
  if (error.code === 'cancelled' && signal?.aborted === true) return signal.reason
  if (error.code !== 'not-found' && error.code !== 'removed') return error
  return notFound(cid, error)
}

export function notFound(cid: CID, cause?: unknown): NotFoundError {
  const error = new NotFoundError(`no such block: ${cid.toString()}`)
  error.cause = cause
  return error
}
