/** The texts in a directory: names of entries, and what symbolic links point to. */
import { ENTRY_NAME_BYTES, LINK_TARGET_BYTES } from '../limits.ts'

/** Bytewise order of UTF-8, which is that of code points. */
export function compareNames(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** A unit of UTF-16 in the order of code points: surrogates stand for those beyond U+FFFF. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** Why a text is not the name of an entry; undefined if it is one (R008-3). */
export function faultOfName(name: string): string | undefined {
  if (name === '.' || name === '..') return `it is ${name}`
  if (name.includes('/')) return 'it has a slash'
  return faultOfText(name, ENTRY_NAME_BYTES)
}

/** Why a text is not what a symbolic link points to; undefined if it is (R008-6). */
export function faultOfTarget(target: string): string | undefined {
  return faultOfText(target, LINK_TARGET_BYTES)
}

function faultOfText(text: string, limit: number): string | undefined {
  if (text === '') return 'it is empty'
  if (text.includes('\0')) return 'it has a NUL'
  if (/\p{Cs}/u.test(text)) return 'it is not Unicode'
  // UTF-8 has at most three bytes for each unit of UTF-16.
  if (text.length * 3 > limit && Buffer.byteLength(text) > limit) {
    return `it has more than ${limit} bytes`
  }
  return undefined
}
