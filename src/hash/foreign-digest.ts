/**
 * Digests of other hash functions, as names: `mh/` and a multihash in base32 (specs/004-index.md,
 * R004-165). The name of a value says what its bytes hash to, so it is verified before it is bound.
 */
import { base32 } from 'multiformats/bases/base32'
import * as multihash from 'multiformats/hashes/digest'
import { fromHex } from '../bytes.ts'
import { hashName } from './foreign-cid.ts'

/** Names that begin with this spell digests. */
export const DIGEST_NAMES = 'mh/'

/** The hash functions, by their names in multicodec. */
export type DigestAlgorithm = 'sha2-256' | 'sha2-384' | 'sha2-512'

interface Algorithm {
  readonly code: number
  /** Bytes of its digest. */
  readonly bytes: number
}

const ALGORITHMS: Readonly<Record<DigestAlgorithm, Algorithm>> = {
  'sha2-256': { code: 0x12, bytes: 32 },
  'sha2-384': { code: 0x20, bytes: 48 },
  'sha2-512': { code: 0x13, bytes: 64 },
}

const BLAKE3 = 0x1e

/** A digest that a name spells. */
export interface ForeignDigest {
  readonly algorithm: DigestAlgorithm
  /** Whole: 32, 48 or 64 bytes. */
  readonly digest: Uint8Array
}

/** Is it the name of a hash function that is verified? */
export const isDigestAlgorithm = (name: string): name is DigestAlgorithm =>
  Object.hasOwn(ALGORITHMS, name)

/** Does the name stand where digests are? It may spell none. */
export const isDigestName = (name: string): boolean => name.startsWith(DIGEST_NAMES)

/**
 * The name of a digest, `mh/...`: bound only to bytes that have it (specs/004, R004-165).
 * `RangeError` unless it has the length that its hash function gives: 32, 48 or 64 bytes, and for
 * another hash function.
 * @example const name = digestName('sha2-256', createHash('sha256').update('hello').digest())
 */
export function digestName(algorithm: DigestAlgorithm, digest: Uint8Array): string {
  if (!isDigestAlgorithm(algorithm)) {
    throw new RangeError(`algorithm: not one of ${Object.keys(ALGORITHMS).join(', ')}`)
  }
  const { code, bytes } = ALGORITHMS[algorithm]
  if (digest.byteLength !== bytes) {
    throw new RangeError(`digest: a ${algorithm} has ${bytes} bytes, not ${digest.byteLength}`)
  }
  return DIGEST_NAMES + base32.encode(multihash.create(code, digest).bytes)
}

/** The same for a multihash; undefined for a hash function or a length that has no names. */
export function digestNameOf(code: number, digest: Uint8Array): string | undefined {
  const found = Object.entries(ALGORITHMS).find(
    ([, one]) => one.code === code && one.bytes === digest.byteLength,
  )
  return found && digestName(found[0] as DigestAlgorithm, digest)
}

/** The digest that a name spells; undefined if it spells none. */
export function readDigestName(name: string): ForeignDigest | undefined {
  if (!isDigestName(name)) return undefined
  const found = digestIn(name.slice(DIGEST_NAMES.length), [base32.decode.bind(base32)])
  return found !== undefined && digestName(found.algorithm, found.digest) === name
    ? found
    : undefined
}

/** Why a name that begins with `mh/` spells no digest, as a message; undefined if it does. */
export function faultOfDigestName(name: string): string | undefined {
  if (readDigestName(name) !== undefined) return undefined
  const text = name.slice(DIGEST_NAMES.length)
  const other = digestIn(text, SPELLINGS)
  if (other !== undefined) return `it is written ${digestName(other.algorithm, other.digest)}`
  const code = codeIn(text)
  if (code === BLAKE3) return 'the key of a value is its blake3: use the key itself'
  const known = Object.keys(ALGORITHMS).join(', ')
  if (code !== undefined) {
    const isKnown = Object.values(ALGORITHMS).some((one) => one.code === code)
    if (isKnown) return `its ${hashName(code)} has another length`
    return `its hash is ${hashName(code)}; dstore verifies ${known}`
  }
  return `${DIGEST_NAMES} is followed by a multihash in base32, of ${known}`
}

/** Other ways in which people write a multihash. */
const SPELLINGS: readonly ((text: string) => Uint8Array)[] = [
  (text) => base32.decode(text.toLowerCase()),
  (text) => base32.decode(`b${text.toLowerCase().replace(/=+$/, '')}`),
  (text) => fromHex(text.replace(/^f/, '')) ?? new Uint8Array(),
]

function digestIn(
  text: string,
  spellings: readonly ((text: string) => Uint8Array)[],
): ForeignDigest | undefined {
  for (const decode of spellings) {
    const found = decoded(text, decode)
    if (found === undefined) continue
    for (const [algorithm, { code, bytes }] of Object.entries(ALGORITHMS)) {
      if (found.code !== code || found.digest.byteLength !== bytes) continue
      return { algorithm: algorithm as DigestAlgorithm, digest: found.digest }
    }
  }
  return undefined
}

/** The code of the hash function, whatever it is. */
const codeIn = (text: string): number | undefined =>
  SPELLINGS.map((decode) => decoded(text, decode)?.code).find((code) => code !== undefined)

function decoded(
  text: string,
  decode: (text: string) => Uint8Array,
): multihash.Digest<number, number> | undefined {
  try {
    return multihash.decode(decode(text))
  } catch {
    return undefined
  }
}
