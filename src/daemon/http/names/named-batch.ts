/** POST /v1/batch, with or without names (specs/007, R007-33, R007-345 and R007-346). */
import { DstoreError } from '../../../errors.ts'
import { BATCH_ITEMS, HTTP_BATCH_BYTES, INLINE_VALUE_BYTES } from '../../../limits.ts'
import { share } from '../../../node/calls/byte-budget.ts'
import type { NamedValue, PutOutcome } from '../../../node/node.ts'
import { decodeUtf8 } from '../../../utf8.ts'
import { ENTRIES_HEADER, SIZES_HEADER } from '../../api/api.ts'
import { problemOf } from '../../api/problem.ts'
import { budgets, putBatch, readExactly, sum } from '../batch-handlers.ts'
import { callOptions, withBeatIfWanted, type HttpCall } from '../call.ts'
import { sendLines } from '../json-lines.ts'
import { keeperIn } from '../trees/hold-handlers.ts'
import { namingBeside } from './naming-in.ts'

/** What the body says of a value, before the values. */
type Entry = Omit<NamedValue, 'value'> & { readonly size: number }

/**
 * Stores small values. With the header `Dstore-Entries: BYTES` the body begins with a list of that
 * many bytes, which says the size and the name of each.
 */
export function putAnyBatch(call: HttpCall): Promise<void> {
  if (call.request.headers[ENTRIES_HEADER] === undefined) return putBatch(call)
  return withBeatIfWanted(call, () => sendLines(call, outcomesOf(call)))
}

async function* outcomesOf(call: HttpCall): AsyncGenerator {
  for (const outcome of await putAll(call)) {
    yield 'error' in outcome ? { problem: problemOf(outcome.error) } : outcome
  }
}

async function putAll(call: HttpCall): Promise<PutOutcome[]> {
  const entriesBytes = entriesBytesOf(call)
  const bodyBytes = bodyBytesOf(call)
  if (call.request.headers[SIZES_HEADER] !== undefined) {
    throw usage(`a batch has the header ${SIZES_HEADER} or ${ENTRIES_HEADER}, and not both`)
  }
  const { hold } = keeperIn(call)
  if (hold !== undefined) throw usage('a batch with names has no hold')
  const options = callOptions(call)
  const giveBack = await share(bodyBytes, budgets.forCall(options))
  try {
    const body = await readExactly(call, bodyBytes)
    const entries = entriesIn(body.subarray(0, entriesBytes))
    let at = entriesBytes
    if (at + sum(entries.map(({ size }) => size)) !== bodyBytes) {
      throw usage('the body is longer or shorter than its entries say')
    }
    const items = entries.map(({ size, ...as }) => ({
      ...as,
      value: body.subarray(at, (at += size)),
    }))
    return await call.node.putNamed(items, options)
  } finally {
    giveBack()
  }
}

function entriesBytesOf({ request }: HttpCall): number {
  const header = request.headers[ENTRIES_HEADER]
  if (typeof header === 'string' && /^\d{1,9}$/.test(header)) return Number(header)
  throw usage(`${ENTRIES_HEADER} must be a number of bytes`)
}

/** The length of the body, which must be known before it is read. */
function bodyBytesOf({ request }: HttpCall): number {
  const length = request.headers['content-length']
  if (length === undefined) throw usage('a batch with names needs a Content-Length')
  const bytes = Number(length)
  if (bytes <= HTTP_BATCH_BYTES) return bytes
  throw new DstoreError('too-large', `a batch with names has at most ${HTTP_BATCH_BYTES} bytes`)
}

function entriesIn(bytes: Uint8Array): Entry[] {
  const text = decodeUtf8(bytes)
  let list: unknown
  try {
    list = JSON.parse(text ?? '')
  } catch (cause) {
    throw new DstoreError('usage', 'the entries of the batch are not JSON', { cause })
  }
  if (!Array.isArray(list)) throw usage('the entries of a batch are a list')
  if (list.length > BATCH_ITEMS) {
    throw new DstoreError('too-large', `a batch has at most ${BATCH_ITEMS} values`)
  }
  return list.map(entryIn)
}

function entryIn(given: unknown): Entry {
  if (typeof given !== 'object' || given === null) throw usage(HOW)
  const { size, name, tag, expires, keep, ...others } = given as Readonly<Record<string, unknown>>
  const isName = name === undefined || typeof name === 'string'
  if (!isSize(size) || !isName || Object.keys(others).length > 0) throw usage(HOW)
  if (size > INLINE_VALUE_BYTES) {
    throw new DstoreError('too-large', `a value in a batch has at most ${INLINE_VALUE_BYTES} bytes`)
  }
  const terms = {
    ...(tag !== undefined && { tag }),
    ...(expires !== undefined && { expires }),
    ...(keep !== undefined && { keep }),
  }
  return { size, ...(name !== undefined && { name }), ...namingBeside(name, terms) }
}

const HOW =
  'an entry of a batch is {"size", "name", "tag", "expires", "keep"}: all but size optional'

const isSize = (size: unknown): size is number =>
  Number.isSafeInteger(size) && (size as number) >= 0

const usage = (message: string): DstoreError => new DstoreError('usage', message)
