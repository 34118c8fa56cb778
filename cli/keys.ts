/** Keys as arguments, checked before a daemon is asked or started (R007-23). */
import { DstoreError } from '../src/errors.ts'
import type { RangeRequest } from '../src/node/node.ts'

/** The spellings that are printed; all others are worth loading the parser for. */
const USUAL = /^(bafkr4i[a-h][a-z2-7]{51}|[0-9a-fA-F]{64})$/

/** Throws `malformed-key`, with the reason, unless every one is a key. */
export async function checkKeys(keys: readonly string[]): Promise<void> {
  const unusual = keys.filter((key) => !USUAL.test(key))
  if (unusual.length === 0) return
  const { parseKey } = await import('../src/hash/key.ts')
  for (const key of unusual) parseKey(key)
}

/** `A-B`, inclusive; `A-` to the end; `-N` the last N bytes. Else `malformed-range`. */
export function parseRange(text: string): RangeRequest {
  const match = /^(\d{0,15})-(\d{0,15})$/.exec(text)
  if (match === null || text === '-') {
    throw new DstoreError('malformed-range', `not a range of bytes: ${text}`, {
      hint: 'write 0-99 for the first hundred bytes, 100- for the rest, -100 for the last hundred',
    })
  }
  const [, first, last] = match as unknown as [string, string, string]
  if (first === '') return { last: Number(last) }
  if (last === '') return { start: Number(first) }
  if (Number(last) < Number(first)) {
    throw new DstoreError('malformed-range', `the range is reversed: ${text}`)
  }
  return { start: Number(first), end: Number(last) + 1 }
}
