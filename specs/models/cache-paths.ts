/**
 * The model of R010-5 and R010-10: which entry of a build cache a path of a request leads to. It
 * reads the path byte by byte, and knows nothing of URLs beside what these rules say.
 */

/** Vectors of document 010 for `/cache`. */
export interface CachePathVectors {
  /** Paths of entries, and the names that they are bound to. */
  readonly entries: readonly { readonly path: string; readonly name: string }[]
  /** Paths that every method refuses with 400. */
  readonly refused: readonly { readonly why: string; readonly path: string }[]
}

const LONGEST_NAME = 512

/** The name that a path leads to; undefined: it is refused. */
export function nameOfPath(path: string): string | undefined {
  const [, root, ...rest] = path.split('/')
  if (root !== 'cache') return undefined
  const segments = rest.filter((segment) => segment !== '').map(textOf)
  if (segments.some((segment) => segment === undefined || !isSafe(segment))) return undefined
  const name = ['cache', ...(segments as string[])].join('/')
  return name.includes('\ufffd') || bytesOf(name) > LONGEST_NAME ? undefined : name
}

/** The text of a segment; undefined if it is not percent-encoded UTF-8. */
function textOf(segment: string): string | undefined {
  const bytes: number[] = []
  for (let at = 0; at < segment.length; at++) {
    const code = segment.codePointAt(at)!
    if (code <= 0x20 || code >= 0x7f) return undefined
    if (segment[at] !== '%') {
      bytes.push(code)
      continue
    }
    const digits = segment.slice(at + 1, at + 3)
    if (!/^[0-9a-fA-F]{2}$/.test(digits)) return undefined
    bytes.push(Number.parseInt(digits, 16))
    at += 2
  }
  return utf8(bytes)
}

/** RFC 3629, section 4; undefined for bytes that are no UTF-8. */
function utf8(bytes: readonly number[]): string | undefined {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at]!
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    if (first >= 0xf8 || (first >= 0x80 && first < 0xc0)) return undefined
    const more = bytes.slice(at + 1, at + length)
    if (more.length < length - 1 || more.some((one) => one >> 6 !== 2)) return undefined
    const lead = length === 1 ? first : first % 2 ** (7 - length)
    const point = more.reduce((sum, one) => sum * 64 + (one % 64), lead)
    const least = [0, 0x80, 0x800, 0x10000][length - 1]!
    const isSurrogate = point >= 0xd800 && point <= 0xdfff
    if (point < least || isSurrogate || point > 0x10ffff) return undefined
    text += String.fromCodePoint(point)
    at += length
  }
  return text
}

function isSafe(segment: string): boolean {
  if (segment === '.' || segment === '..') return false
  // No such character is one of two code units.
  for (let at = 0; at < segment.length; at++) {
    const code = segment.charCodeAt(at)
    if (segment[at] === '/' || code < 0x20 || (code >= 0x7f && code <= 0x9f)) return false
  }
  return true
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length

const NAMED = [
  '/cache/ccache/ab/cdef0123',
  '/cache/s/a',
  '/cache/s//a',
  '/cache///s////a',
  '/cache/bazel/ac/0000000000000000000000000000000000000000000000000000000000000000',
  '/cache/nix/nix-cache-info',
  '/cache/s/caf%C3%A9',
  '/cache/s/cafe%CC%81',
  '/cache/s/%c3%a9',
  '/cache/s/%F0%9F%93%A6',
  '/cache/s/a%20b+c',
  '/cache/s/a%2Bb',
  '/cache/s/a%3Fb%23c',
  '/cache/s/100%25',
  '/cache/s/%252e%252e',
  '/cache/s/...',
  '/cache/s/.hidden',
  '/cache/s/a%2E',
  '/cache/s/a..b',
  '/cache/s/a%5C..%5Cb',
  '/cache/s/C:',
  '/cache/s/%7Euser',
  '/cache/s/"quoted"',
  "/cache/s/it's",
  '/cache/s/%E2%80%A8',
  '/cache/s/%EF%BB%BFmark',
  `/cache/s/${'n'.repeat(LONGEST_NAME - 8)}`,
  `/cache/s/${'%C3%A9'.repeat((LONGEST_NAME - 8) / 2)}`,
  `/cache/${'a/'.repeat(252)}b`,
] as const

const REFUSED: readonly (readonly [string, string])[] = [
  ['a segment is ..', '/cache/s/../a'],
  ['it ends in ..', '/cache/s/..'],
  ['the space is ..', '/cache/../v1/keys'],
  ['a segment is .', '/cache/s/./a'],
  ['.. in hex digits', '/cache/s/%2e%2e/a'],
  ['.. in other hex digits', '/cache/s/%2E%2E/a'],
  ['.. half in hex digits', '/cache/s/.%2e/a'],
  ['. in hex digits', '/cache/s/%2e'],
  ['a slash in hex digits', '/cache/s/a%2fb'],
  ['a climb with its slash in hex digits', '/cache/s/..%2f..%2fv1'],
  ['a slash alone', '/cache/s/%2F'],
  ['a slash in an overlong form', '/cache/s/a%c0%afb'],
  ['. in an overlong form', '/cache/s/%c0%ae%c0%ae'],
  ['NUL', '/cache/s/a%00'],
  ['NUL in an overlong form', '/cache/s/a%c0%80'],
  ['a line end', '/cache/s/a%0d%0aSet-Cookie:%20a=b'],
  ['a line feed', '/cache/s/a%0a'],
  ['a tab', '/cache/s/a%09b'],
  ['DEL', '/cache/s/a%7f'],
  ['NEL, a control character of two bytes', '/cache/s/a%C2%85'],
  ['a byte that begins nothing', '/cache/s/%ff'],
  ['a byte that goes on from nothing', '/cache/s/%80'],
  ['UTF-8 that is cut', '/cache/s/%C3'],
  ['UTF-8 that is cut by a slash', '/cache/s/%E2%82/%AC'],
  ['a surrogate', '/cache/s/%ED%A0%80'],
  ['two surrogates', '/cache/s/%ED%A0%BD%ED%B3%A6'],
  ['beyond Unicode', '/cache/s/%F4%90%80%80'],
  ['the character that stands for lost bytes', '/cache/s/%EF%BF%BD'],
  ['a percent sign alone', '/cache/s/100%'],
  ['one hex digit', '/cache/s/%4'],
  ['no hex digits', '/cache/s/%zz'],
  ['UTF-16 in hex digits', '/cache/s/%u002e'],
  ['one byte too many', `/cache/s/${'n'.repeat(LONGEST_NAME - 7)}`],
  ['one character too many', `/cache/s/${'%C3%A9'.repeat((LONGEST_NAME - 8) / 2 + 1)}`],
  ['too many segments', `/cache/${'a/'.repeat(253)}b`],
]

export function pathVectors(): CachePathVectors {
  return {
    entries: NAMED.map((path) => {
      const name = nameOfPath(path)
      if (name === undefined) throw new Error(`the model refuses ${path}`)
      return { path, name }
    }),
    refused: REFUSED.map(([why, path]) => {
      const name = nameOfPath(path)
      if (name !== undefined) throw new Error(`the model takes ${path} for ${name}`)
      return { why, path }
    }),
  }
}
