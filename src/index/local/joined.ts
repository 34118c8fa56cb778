/** Several requests of a Local that share a message, and the answer to each. */
import { DstoreError } from '../../errors.ts'
import type { Body, Locate, Put, Request } from '../message.ts'

/**
 * A locate of one key with its value, or a put of one value without a name. Several of these share
 * a message.
 */
export function isJoinable(body: Request): body is Locate | Put {
  return body.type === 'locate'
    ? body.inline && body.digests.length === 1 && body.namesBelow === undefined
    : body.type === 'put' &&
        body.name === undefined &&
        body.hold === undefined &&
        body.operation === undefined &&
        body.values.length === 1
}

/** The one request that stands for several of the same type. */
export function joinedBody(pendings: readonly { readonly body: Request }[]): Request {
  const [{ body }] = pendings as [{ body: Request }]
  if (pendings.length === 1) return body
  const bodies = pendings.map((pending) => pending.body)
  if (body.type === 'put') {
    const puts = bodies as Put[]
    const values = puts.flatMap((one) => one.values)
    const operations = puts.flatMap((one) => one.operations ?? [])
    return {
      type: 'put',
      values,
      name: undefined,
      ...(operations.length > 0 && { operations }),
    }
  }
  const digests = (bodies as Locate[]).flatMap((one) => one.digests)
  return { type: 'locate', digests, inline: true }
}

/** The answer to each request of a shared message: its own part, or the failure of all. */
export function partsOf(body: Body, count: number): readonly Body[] {
  if (count === 1) return [body]
  const parts: readonly Body[] =
    body.type === 'located'
      ? body.facts.map((fact) => ({ type: 'located', facts: [fact] }))
      : body.type === 'stored'
        ? body.receipts.map((receipt) => ({ type: 'stored', receipts: [receipt] }))
        : Array.from({ length: count }, () => body)
  if (parts.length === count) return parts
  throw new DstoreError('protocol', `Global gave ${parts.length} answers to ${count} requests`)
}
