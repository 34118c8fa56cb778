/** Which form of a block a request wants (specs/010-doors.md, R010-92). */
import { HttpError } from '../../daemon/http/http-error.ts'

/** The content type of a block as its bytes. */
export const RAW_TYPE = 'application/vnd.ipld.raw'

const HINT = 'this gateway serves raw blocks only: add ?format=raw'

/**
 * Throws unless the request takes a raw block: 406 for other formats, and 400 for a request that
 * names none. `?format=` goes before `Accept`.
 */
export function checkWantsRaw(query: URLSearchParams, accept: string | undefined): void {
  const formats = query.getAll('format')
  const other = formats.find((format) => format !== 'raw')
  if (other !== undefined) {
    throw new HttpError(406, `no block is served in the format ${other}`, {}, 'usage', HINT)
  }
  if (formats.length > 0) return
  if (accept === undefined) {
    throw new HttpError(400, 'the request names no format of a block', {}, 'usage', HINT)
  }
  if (takesRaw(accept)) return
  throw new HttpError(406, 'no block is served in the formats of Accept', {}, 'usage', HINT)
}

/** Ranges that the type falls in, the most specific first: the first that is listed decides. */
const RANGES = [RAW_TYPE, 'application/*', '*/*'] as const

/** Whether an `Accept` header allows raw blocks (RFC 9110, section 12.5.1). */
function takesRaw(accept: string): boolean {
  const elements = accept.split(',').map((element) => {
    const [type = '', ...parameters] = element.split(';').map((part) => part.trim().toLowerCase())
    return { type, isRefused: parameters.some((one) => /^q=0(\.0*)?$/.test(one)) }
  })
  for (const range of RANGES) {
    const listed = elements.filter(({ type }) => type === range)
    if (listed.length > 0) return listed.some(({ isRefused }) => !isRefused)
  }
  return false
}
