/** Names: labels for keys (specs/004-index.md, "Rules: names"). */
import { DstoreError } from '../errors.ts'
import { DIGEST_NAMES, faultOfDigestName, isDigestName } from '../hash/foreign-digest.ts'
import { parseKey } from '../hash/key.ts'
import { NAME_BYTES } from '../limits.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * 1 to `NAME_BYTES` bytes of UTF-8, without control characters, that do not read as a key
 * (R004-29).
 */
export function isName(name: string): boolean {
  return faultOf(name) === undefined
}

/** The same text; throws `usage`, with the reason, if it is not a name. */
export function checkName(name: string): string {
  const fault = faultOf(name)
  if (fault !== undefined) throw new DstoreError('usage', `not a name: ${fault}`)
  return name
}

/**
 * The same text, to be bound; throws `usage` if it is not a name, if it has U+FFFD, which stands
 * for bytes that were not UTF-8, if it begins with a key and a slash (R004-29, R004-106), or with
 * `mh/` and spells no digest, or is `mh` (R004-165).
 */
export function checkNewName(name: string): string {
  const fault = faultOfNewName(checkName(name))
  if (fault !== undefined) throw new DstoreError('usage', fault)
  return name
}

/**
 * Why a name may not be bound, as a message; undefined if it may. A name of an earlier version that
 * has such a fault can be read and unbound.
 */
export function faultOfNewName(name: string): string | undefined {
  if (name.includes('\ufffd')) return 'not a name: it has U+FFFD, as text has that was not UTF-8'
  const slash = name.indexOf('/')
  if (slash > 0 && isKey(name.slice(0, slash))) {
    return 'not a name: it begins with a key and a slash, which names what is below that key'
  }
  // A directory with this name would keep every name that spells a digest from being bound.
  if (`${name}/` === DIGEST_NAMES) return `not a name: below ${DIGEST_NAMES} are names of digests`
  const fault = isDigestName(name) ? faultOfDigestName(name) : undefined
  return fault && `the names below ${DIGEST_NAMES} are digests: ${fault}`
}

/**
 * Why a name that spells a digest may not be bound like this, as a message: it names bytes, and
 * always the same (R004-166).
 */
export function faultOfDigestUse(
  name: string,
  { tag = false, directory = false }: { readonly tag?: boolean; readonly directory?: boolean },
): string | undefined {
  if (!isDigestName(name) || !(tag || directory)) return undefined
  const is = tag ? 'fixed, and no tag' : 'one of bytes, and not of a directory'
  return `a name below ${DIGEST_NAMES} is ${is}`
}

/** Throws `usage` if a name that spells a digest would be a tag, or that of a directory. */
export function checkDigestUse(name: string, use: Parameters<typeof faultOfDigestUse>[1]): void {
  const fault = faultOfDigestUse(name, use)
  if (fault !== undefined) throw new DstoreError('usage', fault)
}

/** The name in the id of its row. */
export const nameOf = ({ id }: { readonly id: Uint8Array }): string => decoder.decode(id)

/** The id of a name's row: its UTF-8. */
export const nameBytes = (name: string): Uint8Array => encoder.encode(name)

function faultOf(name: string): string | undefined {
  if (name === '') return 'it is empty'
  if (name.length > NAME_BYTES || encoder.encode(name).byteLength > NAME_BYTES) {
    return `it has more than ${NAME_BYTES} bytes`
  }
  if (/\p{Cs}/u.test(name)) return 'it is not Unicode'
  if (/\p{Cc}/u.test(name)) return 'it has control characters'
  if (isKey(name)) return 'it reads as a key'
  return undefined
}

function isKey(text: string): boolean {
  try {
    parseKey(text)
    return true
  } catch {
    return false
  }
}
