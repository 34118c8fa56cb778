/** Tags, and the facts of names, as messages carry them (specs/004-index.md, "Rules: tags"). */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Found, NameFacts, Naming, Operation, Target } from '../message.ts'
import type { BindingSchema, NamingSchema, TagTargetSchema } from './messages_pb.ts'
import { wireFact } from './encode-facts.ts'

interface Named extends Operation {
  readonly naming?: Naming | undefined
}

/** How a request binds a name, and its operation. */
export const wireNaming = ({
  naming,
  operation,
}: Named): {
  naming?: MessageInitShape<typeof NamingSchema>
  operation?: Uint8Array
} => ({
  ...(naming !== undefined && { naming: fieldsOf(naming) }),
  ...(operation !== undefined && { operation }),
})

const fieldsOf = ({
  tag = false,
  expiresMs,
  keepMs,
  asWriter = false,
}: Naming): MessageInitShape<typeof NamingSchema> => ({
  tag,
  asWriter,
  ...(expiresMs !== undefined && { expiresMs: BigInt(expiresMs) }),
  ...(keepMs !== undefined && { keepMs: BigInt(keepMs) }),
})

export function wireBinding(found: Found): MessageInitShape<typeof BindingSchema> {
  const { digest, incarnation, fact, directory = false } = found
  const known = { exists: true, digest, incarnation: BigInt(incarnation), directory }
  return { ...known, fact: wireFact(fact), ...nameFacts(found) }
}

export const wireTarget = ({
  digest,
  directory = false,
  atMs,
}: Target): MessageInitShape<typeof TagTargetSchema> => ({
  digest,
  directory,
  ...(atMs !== undefined && { atMs: BigInt(atMs) }),
})

export const nameFacts = ({
  tag = false,
  boundMs,
  expiresMs,
}: NameFacts): { tag: boolean; boundMs?: bigint; expiresMs?: bigint } => ({
  tag,
  ...(boundMs !== undefined && { boundMs: BigInt(boundMs) }),
  ...(expiresMs !== undefined && { expiresMs: BigInt(expiresMs) }),
})
