/** Names that spell digests (specs/004-index.md, R004-165 to 167), as plans bind them. */
import { isDigestName } from '../../../hash/foreign-digest.ts'
import { failure } from '../../failure.ts'
import type { Failure } from '../../message.ts'
import { faultOfDigestUse } from '../../name.ts'
import type { DigestCheck, Rows, Sealed } from '../plan.ts'

/** Why the name may not be bound as it is wanted; undefined if it may, or spells no digest. */
export function wrongUse(
  name: string,
  { tag = false, directory = false }: { readonly tag?: boolean; readonly directory?: boolean },
): Failure | undefined {
  const fault = faultOfDigestUse(name, { tag, directory })
  return fault === undefined ? undefined : failure('usage', fault, HINT)
}

const HINT = 'choose another name: it may hold the digest as well'

/**
 * Verifies a value before a name is bound to it that spells a digest. The bytes of a key never
 * change, so what was verified stays so, whatever is committed meanwhile.
 */
export function* verifyDigest(
  name: string,
  value: Sealed,
  isStored: boolean,
): Generator<DigestCheck, void, Rows> {
  if (!isDigestName(name) || value.verifiedAs === name) return
  yield { type: 'verify-digest', name, value, isStored }
}
