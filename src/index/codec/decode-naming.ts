/** How a request binds a name (specs/004-index.md, R004-118 and R004-125). */
import { OPERATIONS, OPERATION_ID_BYTES, SETTLED_RANGES } from '../../limits.ts'
import { count, exactly, malformed } from '../../wire/fields.ts'
import type { Naming, Operation, Ping, Put } from '../message.ts'
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

/** The operation of each value of a put. Error: `protocol`. */
export function toOperations({
  operations,
  values,
  name,
  hold,
}: Pick<pb.Put, 'operations' | 'values' | 'name' | 'hold'>): Pick<Put, 'operations'> {
  if (operations.length === 0) return {}
  if (name !== undefined || hold !== undefined || operations.length !== values.length) {
    throw malformed('operations of other values')
  }
  // One copy, because the buffer of the message is reused.
  const all = new Uint8Array(operations.length * OPERATION_ID_BYTES)
  const ids = operations.map((one, i) => {
    const at = i * OPERATION_ID_BYTES
    all.set(exactly(OPERATION_ID_BYTES, 'operation', one), at)
    return all.subarray(at, at + OPERATION_ID_BYTES)
  })
  return { operations: ids }
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
