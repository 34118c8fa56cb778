/**
 * The identity of a node, encrypted for its archive (specs/011-archive.md, "The identity").
 *
 *     'dsid' | 1 | peer id: length, bytes | nonce: 12 | the encrypted private key | tag: 16
 *
 * Version and peer id can be read without the key, but not changed: they are authenticated, and so
 * is `set.json`, so that the object of another archive does not open.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { concat, equal } from '../../../bytes.ts'
import { DstoreError } from '../../../errors.ts'
import { KIB, PEER_ID_CHARS } from '../../../limits.ts'

export const ARCHIVE_KEY_BYTES = 32

/** An object that is larger is no identity. */
export const IDENTITY_BYTES: number = 4 * KIB

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const VERSION = 1

const encoder = new TextEncoder()
const MAGIC = encoder.encode('dsid')
const CONTEXT = encoder.encode('dstore archived identity\n')

/** What the bucket is of, for messages. */
export type BucketOf = 'archive' | 'set'

export interface SealedFor {
  /** The object `set.json` of the archive. */
  readonly set: Uint8Array
  readonly key: Uint8Array
}

/** `nonce`: random, for this call alone. */
export function sealIdentity(
  secret: Uint8Array,
  peer: string,
  { set, key }: SealedFor,
  nonce: Uint8Array,
): Uint8Array {
  const name = encoder.encode(peer)
  const head = concat([MAGIC, Uint8Array.of(VERSION, name.byteLength), name, nonce])
  const cipher = createCipheriv(CIPHER, key, nonce)
  cipher.setAAD(concat([CONTEXT, head, set]))
  return concat([head, cipher.update(secret), cipher.final(), cipher.getAuthTag()])
}

/** The peer id that an object names. Errors: `integrity`; `incompatible` for a later version. */
export function peerInSealed(object: Uint8Array): string {
  return parse(object).peer
}

/**
 * The secret in an object. `unreadable`: this is not the key, or the object was changed; the two
 * cannot be told apart.
 */
export function openSealed(
  object: Uint8Array,
  { set, key }: SealedFor,
  of: BucketOf = 'archive',
): Uint8Array {
  const { head, nonce, encrypted, tag } = parse(object)
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(concat([CONTEXT, head, set]))
  decipher.setAuthTag(tag)
  try {
    return concat([decipher.update(encrypted), decipher.final()])
  } catch (cause) {
    const why = `the key file does not open the identity of the ${of}`
    throw new DstoreError('unreadable', why, {
      cause,
      hint: `it is the key of another ${of}, or the object was changed: give the file that the first start made`,
    })
  }
}

interface Parts {
  readonly head: Uint8Array
  readonly peer: string
  readonly nonce: Uint8Array
  readonly encrypted: Uint8Array
  readonly tag: Uint8Array
}

function parse(object: Uint8Array): Parts {
  const at = MAGIC.byteLength
  if (object.byteLength > IDENTITY_BYTES || !equal(object.subarray(0, at), MAGIC)) throw damaged()
  const version = object[at]
  const length = object[at + 1] ?? 0
  if (version !== VERSION) {
    throw new DstoreError('incompatible', `the archived identity has version ${version}`, {
      hint: 'restore it with the release that wrote it, or a newer one',
    })
  }
  const from = at + 2
  const headEnd = from + length + NONCE_BYTES
  const end = object.byteLength - TAG_BYTES
  if (length === 0 || length > PEER_ID_CHARS || end <= headEnd) throw damaged()
  const peer = Buffer.from(object.subarray(from, from + length)).toString('latin1')
  if (!/^[\dA-Za-z]+$/.test(peer)) throw damaged()
  return {
    head: object.subarray(0, headEnd),
    peer,
    nonce: object.subarray(from + length, headEnd),
    encrypted: object.subarray(headEnd, end),
    tag: object.subarray(end),
  }
}

const damaged = (): DstoreError =>
  new DstoreError('integrity', 'the object `identity` in the archive is not an identity')
