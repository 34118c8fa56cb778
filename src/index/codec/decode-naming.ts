/** How a request binds a name (specs/004-index.md, R004-118 and R004-125). */
import { OPERATION_ID_BYTES } from '../../limits.ts'
import { count, exactly } from '../../wire/fields.ts'
import type { Naming, Operation } from '../message.ts'
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

const fieldsOf = ({ tag, expiresMs, keepMs, asWriter }: pb.Naming): Naming => ({
  ...(tag && { tag }),
  ...(expiresMs !== undefined && { expiresMs: count('time until expiry', expiresMs) }),
  ...(keepMs !== undefined && { keepMs: count('time to keep', keepMs) }),
  ...(asWriter && { asWriter }),
})
