/** How a request binds a name (specs/004-index.md, R004-118 and R004-125). */
import { OPERATIONS, OPERATION_ID_BYTES, SETTLED_RANGES } from '../../limits.ts'
import { count, exactly, malformed } from '../../wire/fields.ts'
import type { Naming, Operation, Ping } from '../message.ts'
import type * as pb from './messages_pb.ts'

interface Named {
  readonly naming?: pb.Naming | undefined
  readonly operation?: Uint8Array | undefined
}

/** How a request binds a name, and its operation. Error: `protocol`. */
export function toNaming({ naming, operation }: Named): Operation & { readonly naming?: Naming } {
  // A copy, because the buffer of the message is reused.
  const id = operation && new Uint8Array(exactly(OPERATION_ID_BYTES, 'operation', operation))
  return {
    ...(naming !== undefined && { naming: fieldsOf(naming) }),
    ...(id !== undefined && { operation: id }),
  }
}

/** Error: `protocol`. */
export function toPing({ settled }: pb.Ping): Ping {
  if (settled.length === 0) return { type: 'ping' }
  const all = settled.map(({ first, count: length }) => ({
    first: new Uint8Array(exactly(OPERATION_ID_BYTES, 'operation', first)),
    count: length,
  }))
  const total = all.reduce((sum, { count: length }) => sum + length, 0)
  if (all.length > SETTLED_RANGES || total > OPERATIONS) throw malformed('too many operations')
  return { type: 'ping', settled: all }
}

const fieldsOf = ({ tag, expiresMs, keepMs, asWriter }: pb.Naming): Naming => ({
  ...(tag && { tag }),
  ...(expiresMs !== undefined && { expiresMs: count('time until expiry', expiresMs) }),
  ...(keepMs !== undefined && { keepMs: count('time to keep', keepMs) }),
  ...(asWriter && { asWriter }),
})
