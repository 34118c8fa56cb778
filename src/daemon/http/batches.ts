/** The API's calls on many things at once (specs/007-daemon-and-command-line.md, "Batches"). */
import { DstoreError } from '../../errors.ts'
import {
  BATCH_ITEMS,
  HTTP_BATCHES_BYTES,
  HTTP_BATCH_BYTES,
  INLINE_VALUE_BYTES,
} from '../../limits.ts'
import { statWords } from '../../node/calls/resolve-key.ts'
import { share } from '../../node/calls/byte-budget.ts'
import type { PutResult } from '../../node/node.ts'
import { SharedBudget } from '../../transfer/shared-budget.ts'
import { SIZES_HEADER } from '../api/api.ts'
import type { FactsAnswer, PutAnswer } from '../api/api.ts'
import { callOptions, readJson, shortBody } from './call.ts'
import type { HttpCall } from './call.ts'
import { sendLines } from './listing.ts'

/** What batches have in memory, over all clients: the part of them in what is in flight. */
const inFlight = new SharedBudget(HTTP_BATCHES_BYTES, HTTP_BATCHES_BYTES)

/** POST /v1/batch: small values one after the other, whose sizes are in a header. */
export function putBatch(exchange: HttpCall): Promise<void> {
  return sendLines(exchange, stored(exchange))
}

async function* stored(exchange: HttpCall): AsyncGenerator<PutAnswer> {
  const sizes = sizesOf(exchange)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const options = callOptions(exchange)
  const giveBack = await share(total, { allowance: inFlight, who: '', ...options })
  let results: PutResult[]
  try {
    const whole = await exactly(exchange, total)
    let at = 0
    const values = sizes.map((size) => whole.subarray(at, (at += size)))
    results = await exchange.served.node.putMany(values, options)
  } finally {
    giveBack()
  }
  for (const { key, size, existed } of results) yield { key: key.toString(), size, existed }
}

/** POST /v1/facts {"keys"}: a line for each, null where there is none. Names count as keys, too. */
export function manyFacts(exchange: HttpCall): Promise<void> {
  return sendLines(exchange, factsOf(exchange))
}

async function* factsOf(exchange: HttpCall): AsyncGenerator<FactsAnswer | null> {
  const { keys: texts } = await readJson(exchange)
  if (!Array.isArray(texts) || !texts.every((text): text is string => typeof text === 'string')) {
    throw new DstoreError('usage', 'keys must be a list of keys')
  }
  const { node } = exchange.served
  for (const facts of await statWords(node, texts, callOptions(exchange))) {
    yield facts === undefined ? null : { ...facts, key: facts.key.toString() }
  }
}

/** Sizes of the values, every one and all together within bounds. */
function sizesOf({ request }: HttpCall): number[] {
  const header = request.headers[SIZES_HEADER]
  if (typeof header !== 'string' || !/^\d{1,9}(,\d{1,9})*$/.test(header)) {
    throw new DstoreError('usage', `a batch needs the header ${SIZES_HEADER}: 5,0,17`)
  }
  const sizes = header.split(',').map(Number)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (sizes.length > BATCH_ITEMS || total > HTTP_BATCH_BYTES) {
    const bounds = `${BATCH_ITEMS} values of ${HTTP_BATCH_BYTES} bytes together`
    throw new DstoreError('too-large', `a batch has at most ${bounds}`)
  }
  if (sizes.some((size) => size > INLINE_VALUE_BYTES)) {
    throw new DstoreError('too-large', `a value in a batch has at most ${INLINE_VALUE_BYTES} bytes`)
  }
  return sizes
}

/** The whole body, which has this many bytes. */
async function exactly(exchange: HttpCall, length: number): Promise<Uint8Array> {
  const whole = new Uint8Array(length)
  let at = 0
  for await (const part of shortBody(exchange)) {
    if (at + part.byteLength > length) {
      throw new DstoreError('usage', 'the body is longer than the sizes say')
    }
    whole.set(part, at)
    at += part.byteLength
  }
  if (at !== length) throw new DstoreError('usage', 'the body is shorter than the sizes say')
  return whole
}
