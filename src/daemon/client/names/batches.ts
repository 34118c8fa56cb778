/** Puts of many small values over the daemon's API (specs/007, R007-33 and R007-345). */
import { DstoreError, asDstoreError } from '../../../errors.ts'
import { HTTP_BATCH_BYTES } from '../../../limits.ts'
import { batchesOf } from '../../../node/calls/batches.ts'
import type { NamedValue } from '../../../node/node.ts'
import { ENTRIES_HEADER, SIZES_HEADER, type OutcomeLine, type PutAnswer } from '../../api/api.ts'
import type { HttpClient } from '../http-client.ts'
import { documents } from '../response.ts'
import { putFields } from './terms.ts'

/** Stores values of at most `INLINE_VALUE_BYTES` each in few requests; results in that order. */
export async function putMany(
  http: HttpClient,
  values: readonly Uint8Array[],
  hold: string | undefined,
): Promise<PutAnswer[]> {
  const answers: PutAnswer[] = []
  for (const batch of batchesOf(values, ({ byteLength }) => byteLength, HTTP_BATCH_BYTES)) {
    const sizes = batch.map(({ byteLength }) => byteLength).join(',')
    const headers = { TE: 'trailers', [SIZES_HEADER]: sizes }
    const parts = { headers, body: Buffer.concat(batch), query: { hold }, isRepeatable: true }
    const response = await http.call('POST', '/v1/batch', parts)
    for await (const answer of documents<PutAnswer>(response)) answers.push(answer)
  }
  return answers
}

/**
 * Stores values of at most `INLINE_VALUE_BYTES` under their names in few requests; outcomes in that
 * order. Not repeated if the connection breaks: a repeat could undo what another did (R007-116).
 */
export async function putNamed(
  http: HttpClient,
  items: readonly NamedValue[],
): Promise<OutcomeLine[]> {
  const sent = items.map(({ value, name, naming }) => {
    const entry = { size: value.byteLength, name, ...putFields(naming) }
    return { value, entry: JSON.stringify(entry) }
  })
  const bytesOf = ({ value, entry }: (typeof sent)[number]): number =>
    value.byteLength + Buffer.byteLength(entry) + 1
  const answers: OutcomeLine[] = []
  for (const batch of batchesOf(sent, bytesOf, HTTP_BATCH_BYTES - 2)) {
    const entries = Buffer.from(`[${batch.map(({ entry }) => entry).join(',')}]`)
    const body = Buffer.concat([entries, ...batch.map(({ value }) => value)])
    answers.push(...(await send(http, entries.byteLength, body, batch.length)))
  }
  return answers
}

async function send(
  http: HttpClient,
  entriesBytes: number,
  body: Uint8Array,
  count: number,
): Promise<OutcomeLine[]> {
  const answers: OutcomeLine[] = []
  try {
    const headers = { TE: 'trailers', [ENTRIES_HEADER]: entriesBytes }
    const response = await http.call('POST', '/v1/batch', { headers, body })
    for await (const answer of documents<OutcomeLine>(response)) answers.push(answer)
  } catch (error) {
    const { code, message } = asDstoreError(error)
    // A daemon of an earlier version knows no such header.
    if (code !== 'usage' || !message.startsWith('a batch needs the header')) throw error
    throw new DstoreError(
      'incompatible',
      'the daemon is of a version whose batches have no names',
      {
        hint: '`dstore stop` ends it, and the next command starts one of this version',
      },
    )
  }
  if (answers.length === count) return answers
  throw new DstoreError('protocol', `the daemon gave ${answers.length} answers to ${count} puts`)
}
