/** Verifies that bytes have the digest that a name spells (specs/004-index.md, R004-165). */
import { createHash } from 'node:crypto'
import { equal } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import {
  digestName,
  readDigestName,
  type DigestAlgorithm,
  type ForeignDigest,
} from './foreign-digest.ts'

/** The names of the hash functions in OpenSSL. */
const OPENSSL: Readonly<Record<DigestAlgorithm, string>> = {
  'sha2-256': 'sha256',
  'sha2-384': 'sha384',
  'sha2-512': 'sha512',
}

/** Hashes bytes as a name says, piece by piece. */
export class ForeignHasher {
  readonly #name: string
  readonly #wanted: ForeignDigest
  readonly #hash: ReturnType<typeof createHash>

  constructor(name: string, wanted: ForeignDigest) {
    this.#name = name
    this.#wanted = wanted
    this.#hash = createHash(OPENSSL[wanted.algorithm])
  }

  /** Hashes the next bytes. The caller may reuse the array. */
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes)
  }

  /** Ends it: do the bytes have the digest of the name? */
  matches(): boolean {
    return equal(this.#hash.digest(), this.#wanted.digest)
  }

  /** Ends it. Throws `usage` if the bytes do not have the digest of the name. */
  check(): void {
    const { algorithm, digest } = this.#wanted
    const found = this.#hash.digest()
    if (equal(found, digest)) return
    const message = `the ${algorithm} of the bytes is not that of the name ${this.#name}`
    throw new DstoreError('usage', message, {
      hint: `the name of these bytes is ${digestName(algorithm, found)}`,
    })
  }
}

/** The name of the digest that these bytes have. */
export async function nameOfBytes(
  algorithm: DigestAlgorithm,
  bytes: AsyncIterable<Uint8Array>,
): Promise<string> {
  const hash = createHash(OPENSSL[algorithm])
  for await (const piece of bytes) hash.update(piece)
  return digestName(algorithm, hash.digest())
}

/** A hasher for the digest that a name spells; undefined for any other name, and for none. */
export function hasherFor(name: string | undefined): ForeignHasher | undefined {
  const wanted = name === undefined ? undefined : readDigestName(name)
  return wanted && new ForeignHasher(name!, wanted)
}

/** Throws `usage` if a name spells a digest that these bytes do not have. */
export function checkDigestName(name: string | undefined, bytes: Uint8Array): void {
  const hasher = hasherFor(name)
  hasher?.update(bytes)
  hasher?.check()
}

/** Passes bytes on, and throws `usage` at their end if they do not have the digest. */
export async function* checkingName(
  name: string | undefined,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hasher = hasherFor(name)
  for await (const piece of bytes) {
    hasher?.update(piece)
    yield piece
  }
  hasher?.check()
}
