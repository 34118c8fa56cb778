/**
 * What Turborepo says of an artifact: the line in front of its bytes, so that both are one value,
 * and change together (specs/010-doors.md, R010-31).
 */
import { TURBO_FACT_BYTES, TURBO_HEAD_BYTES } from '../../../limits.ts'
import { decodeUtf8 } from '../../../utf8.ts'

/** The facts, in the order in which a head has them. The header of each is `x-artifact-NAME`. */
const NAMES = ['duration', 'tag', 'sha', 'dirty-hash'] as const

type Fact = (typeof NAMES)[number]

/** Facts about an artifact: texts that may stand in a header. */
export type Facts = Readonly<Partial<Record<Fact, string>>>

/** The first field of a head. */
const FORM = 'turbo'
const VERSION = 1

const LINE_FEED = 0x0a

/** The facts in the headers of a request; the first name whose text is not fit, in place of it. */
export function factsIn(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Facts | { readonly unfit: string } {
  const facts: Partial<Record<Fact, string>> = {}
  for (const name of NAMES) {
    const header = `x-artifact-${name}`
    const text = headers[header]
    if (text === undefined) continue
    if (typeof text !== 'string' || !isFit(name, text)) return { unfit: header }
    facts[name] = text
  }
  return facts
}

/** The same facts as headers of a response. */
export const headersOf = (facts: Facts): Record<string, string> =>
  Object.fromEntries(Object.entries(facts).map(([name, text]) => [`x-artifact-${name}`, text]))

/** The head of an artifact with these facts. */
export const encodeHead = (facts: Facts): Uint8Array =>
  Buffer.from(`${JSON.stringify({ [FORM]: VERSION, ...facts })}\n`)

/**
 * The facts in the head of a value, and the length of the head; undefined if the value does not
 * begin with one. `start` has at least the first `TURBO_HEAD_BYTES` bytes, or all.
 */
export function decodeHead(
  start: Uint8Array,
): { readonly facts: Facts; readonly length: number } | undefined {
  const end = start.subarray(0, TURBO_HEAD_BYTES).indexOf(LINE_FEED)
  if (end < 0) return undefined
  const facts = factsOf(decodeUtf8(start.subarray(0, end)))
  return facts && { facts, length: end + 1 }
}

function factsOf(line: string | undefined): Facts | undefined {
  let head: unknown
  try {
    head = JSON.parse(line ?? '')
  } catch {
    return undefined
  }
  if (typeof head !== 'object' || head === null) return undefined
  const { [FORM]: version, ...facts } = head as Readonly<Record<string, unknown>>
  const isHead = version === VERSION && Object.entries(facts).every(isFact)
  return isHead ? facts : undefined
}

const isFact = ([name, text]: readonly [string, unknown]): boolean =>
  NAMES.includes(name as Fact) && typeof text === 'string' && isFit(name, text)

/** Whether a text may be sent as this header: the writer of the value chose it. */
function isFit(name: string, text: string): boolean {
  if (text.length > TURBO_FACT_BYTES) return false
  return name === 'duration' ? /^\d{1,15}$/.test(text) : /^[!-~]+$/.test(text)
}
