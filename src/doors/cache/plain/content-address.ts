/**
 * Entries that are addressed by their content, as Bazel's `cas/` is: the path says the SHA-256 of
 * the bytes, and it is verified before the entry is bound (specs/010-doors.md, R010-15).
 *
 * They are tags like all entries, and no names `mh/...` (R004-165): those are fixed, for everybody,
 * and bounded by no rule of `cache/`. So a cache would never get smaller, and a token that is
 * confined to a space could not write one. Equal bytes are one value either way.
 */
import { DstoreError } from '../../../errors.ts'
import { fromHex } from '../../../bytes.ts'
import { ForeignHasher } from '../../../hash/foreign-hasher.ts'
import { checkedPieces } from '../../checked-pieces.ts'

const SHA256 = /^[0-9a-f]{64}$/i

interface Source {
  readonly bytes: AsyncIterable<Uint8Array>
  readonly size?: number
}

/** The source, which fails at its end if the last segments say another digest than it has. */
export function verifiedBody(source: Source, segments: readonly string[]): Source {
  const [folder, hex = ''] = segments.slice(-2)
  if (folder !== 'cas' || !SHA256.test(hex)) return source
  const digest = fromHex(hex.toLowerCase())!
  const hasher = new ForeignHasher(hex, { algorithm: 'sha2-256', digest })
  const check = {
    update: (piece: Uint8Array) => hasher.update(piece),
    end: () => {
      if (hasher.matches()) return
      throw new DstoreError('usage', `the SHA-256 of the body is not ${hex}, as its path says`)
    },
  }
  return { ...source, bytes: checkedPieces(source.bytes, check) }
}
