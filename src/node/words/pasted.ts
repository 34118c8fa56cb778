/**
 * Keys as they are pasted: with blanks or quotes around them, in an address of a gateway, or cut
 * (specs/007, "Pasted and short keys").
 */
import { readKeyPrefix, type KeyPrefix } from '../../hash/key-prefix.ts'
import { splitKey } from './tree-word.ts'

/** What a text stands for if it is no key and no bound name. */
export type Pasted =
  | {
      readonly type: 'key'
      /** As dstore prints it. */
      readonly key: string
      readonly path: string
    }
  | { readonly type: 'short'; readonly prefix: KeyPrefix; readonly path: string }

/** Characters of a short key, not counting the `bafkr4i` or `bafyr4i` that all keys begin with. */
export const SHORT_KEY_CHARACTERS = 8

/** Longer texts are no keys: a path below one has fewer characters. */
const LONGEST = 16_384

const HEAD_CHARACTERS = 7

const QUOTES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["'", "'"],
  ['`', '`'],
  ['<', '>'],
  ['(', ')'],
  ['\u201c', '\u201d'],
  ['\u2018', '\u2019'],
])

/**
 * What is left of a text without blanks, quotes and the parts of an address around it; undefined
 * if that is neither a key nor a short key. `path` is empty, or begins with a slash.
 */
export function readPasted(text: string): Pasted | undefined {
  if (text.length > LONGEST) return undefined
  const bare = withoutAddress(withoutQuotes(trimmed(text)))
  if (bare === undefined) return undefined
  const whole = keyIn(bare)
  if (whole !== undefined) return whole
  const at = bare.indexOf('/')
  const word = at === -1 ? bare : bare.slice(0, at)
  const prefix = shortKey(word.replace(/(?:\.{2,3}|\u2026)$/, ''))
  if (prefix === undefined) return undefined
  return { type: 'short', prefix, path: at === -1 ? '' : pathOf(bare.slice(at)) }
}

/** The key that the text begins with, in any spelling. */
function keyIn(bare: string): Pasted | undefined {
  try {
    const word = splitKey(bare)
    if (word === undefined) return undefined
    const path = word.path.map((name) => `/${name}`).join('')
    return { type: 'key', key: word.key.toString(), path }
  } catch {
    // What follows the key is no path in a directory.
    return undefined
  }
}

/** One slash may end a path, and alone it is none. */
const pathOf = (path: string): string => (path.endsWith('/') ? path.slice(0, -1) : path)

/** Web pages put invisible characters before and behind what is copied, too. */
const trimmed = (text: string): string => text.replace(/^[\s\p{Cf}]+|[\s\p{Cf}]+$/gu, '')

function withoutQuotes(text: string): string {
  const end = QUOTES.get(text.charAt(0))
  if (end === undefined || text.length < 2 || !text.endsWith(end)) return text
  return trimmed(text.slice(1, -1))
}

/** What an address has of a key and a path; undefined for one that has none. */
function withoutAddress(text: string): string | undefined {
  const [, scheme, rest = ''] = /^(https?|ipfs|dstore):\/\/(.*)$/is.exec(text) ?? []
  if (scheme === undefined) return text.replace(/^(?:\/?ipfs\/|blake3[:-])/i, '')
  const address = rest.replace(/[?#].*$/s, '')
  if (!/^http/i.test(scheme)) return decoded(address)
  const at = address.indexOf('/')
  const host = at === -1 ? address : address.slice(0, at)
  const path = at === -1 ? '' : address.slice(at)
  const [, label] = /^([^.]+)\.ipfs\./i.exec(host) ?? []
  if (label !== undefined) return decoded(label + path)
  return path.startsWith('/ipfs/') ? decoded(path.slice('/ipfs/'.length)) : undefined
}

/** Without percent-encodings; undefined if they do not stand for the names of a path. */
function decoded(path: string): string | undefined {
  try {
    const names = path.split('/').map(decodeURIComponent)
    return names.some((name) => name.includes('/')) ? undefined : names.join('/')
  } catch {
    return undefined
  }
}

/** Long enough to tell a key from others, and shorter than one. */
function shortKey(word: string): KeyPrefix | undefined {
  const prefix = readKeyPrefix(word)
  if (prefix === undefined) return undefined
  const { text, kind } = prefix
  const [own, most] = kind === undefined ? [text.length, 64] : [text.length - HEAD_CHARACTERS, 52]
  return own >= SHORT_KEY_CHARACTERS && own < most ? prefix : undefined
}
