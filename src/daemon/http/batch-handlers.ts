/** Handlers for many values in one request (specs/007, "HTTP API"; R007-33). */
import { DstoreError } from '../../errors.ts'
import {
  BATCH_ITEMS,
  HTTP_BATCHES_BYTES,
  HTTP_BATCH_BYTES,
  INLINE_VALUE_BYTES,
} from '../../limits.ts'
import { statWords } from '../../node/calls/resolve-key.ts'
import { ByteBudgets, share } from '../../node/calls/byte-budget.ts'
import type { PutResult, ValueFacts } from '../../node/node.ts'
import { LINES_TYPE, SIZES_HEADER } from '../api/api.ts'
import { callOptions, readJson, timedBody } from './call.ts'
import type { HttpCall } from './call.ts'
import { sendLines } from './json-lines.ts'
import { sendBytes } from './stream.ts'
import { keeperIn } from './trees/hold-handlers.ts'

/** Memory for the bodies of batches and lists of entries, over all clients. */
export const budgets: ByteBudgets = new ByteBudgets(HTTP_BATCHES_BYTES, HTTP_BATCH_BYTES)

/** POST /v1/batch: small values one after the other; a header lists their sizes. */
export function putBatch(call: HttpCall): Promise<void> {
  const headers = { 'Content-Type': LINES_TYPE }
  return sendBytes(call, { status: 200, headers, bytes: putAll(call) })
}

/** All lines at once: they are at most `BATCH_ITEMS`. */
async function* putAll(call: HttpCall): AsyncGenerator<Uint8Array> {
  const sizes = sizesOf(call)
  const total = sum(sizes)
  const { hold } = keeperIn(call)
  const options = { ...callOptions(call), ...(hold !== undefined && { hold }) }
  const giveBack = await share(total, budgets.forCall(options))
  let results: PutResult[]
  try {
    const body = await readExactly(call, total)
    let at = 0
    const values = sizes.map((size) => body.subarray(at, (at += size)))
    results = await call.node.putMany(values, options)
  } finally {
    giveBack()
  }
  yield Buffer.from(results.map((result) => `${JSON.stringify(result)}\n`).join(''))
}

/** POST /v1/facts {"keys"}: one line per key or name, `null` for each that is absent. */
export function statBatch(call: HttpCall): Promise<void> {
  return sendLines(call, statAll(call))
}

async function* statAll(call: HttpCall): AsyncGenerator<ValueFacts | null> {
  const { keys } = await readJson(call)
  if (!Array.isArray(keys) || !keys.every((key): key is string => typeof key === 'string')) {
    throw new DstoreError('usage', 'keys must be a list of keys')
  }
  for (const facts of await statWords(call.node, keys, callOptions(call))) {
    yield facts ?? null
  }
}

/** Sizes of the values in the body, within the bounds of a batch. */
function sizesOf({ request }: HttpCall): number[] {
  const header = request.headers[SIZES_HEADER]
  if (typeof header !== 'string' || !/^\d{1,9}(,\d{1,9})*$/.test(header)) {
    throw new DstoreError('usage', `a batch needs the header ${SIZES_HEADER}: 5,0,17`)
  }
  const sizes = header.split(',').map(Number)
  if (sizes.length > BATCH_ITEMS || sum(sizes) > HTTP_BATCH_BYTES) {
    const bounds = `${BATCH_ITEMS} values of ${HTTP_BATCH_BYTES} bytes together`
    throw new DstoreError('too-large', `a batch has at most ${bounds}`)
  }
  if (sizes.some((size) => size > INLINE_VALUE_BYTES)) {
    throw new DstoreError('too-large', `a value in a batch has at most ${INLINE_VALUE_BYTES} bytes`)
  }
  return sizes
}

export const sum = (sizes: readonly number[]): number =>
  sizes.reduce((total, size) => total + size, 0)

/** The whole body, which must be `length` bytes long. */
export async function readExactly(call: HttpCall, length: number): Promise<Uint8Array> {
  const body = new Uint8Array(length)
  let at = 0
  for await (const part of timedBody(call)) {
    if (at + part.byteLength > length) {
      throw new DstoreError('usage', 'the body is longer than the sizes say')
    }
    body.set(part, at)
    at += part.byteLength
  }
  if (at !== length) throw new DstoreError('usage', 'the body is shorter than the sizes say')
  return body
}
