/** Rows and log entries of the index, as bytes in its store (specs/004-index.md, "Records"). */
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { DstoreError } from '../errors.ts'
import type { Location, Row } from '../store/store.ts'
import type { Digest } from './message.ts'
import { ChangeSchema, KeyRecordSchema } from './records_pb.ts'

/** What the index keeps of a key that exists. */
export interface KeyRecord {
  readonly size: number
  readonly location: Location
  /** Seq of the put that made the key exist. */
  readonly incarnation: number
}

/** One entry of the log. */
export type Change =
  | { readonly type: 'run-started'; readonly runId: Uint8Array }
  | { readonly type: 'put'; readonly digest: Digest; readonly size: number }
  | { readonly type: 'remove'; readonly digest: Digest; readonly incarnation: number }

/** The row for a new key. Its incarnation is the seq that this very write will get: the row's version. */
export function encodeNewKey(size: number, location: Location): Uint8Array {
  return toBinary(KeyRecordSchema, create(KeyRecordSchema, { size: BigInt(size), location }))
}

/** The record in a row of `keys`; `integrity` where the store gives back something else. */
export function decodeKey(row: Row): KeyRecord {
  try {
    const { size, location, incarnation } = fromBinary(KeyRecordSchema, row.value)
    return {
      size: Number(size),
      location,
      incarnation: incarnation === undefined ? row.version : Number(incarnation),
    }
  } catch (cause) {
    throw new DstoreError('integrity', 'a record of the index is damaged', { cause })
  }
}

export function encodeChange(change: Change): Uint8Array {
  switch (change.type) {
    case 'run-started':
      return pack({ case: 'runStarted', value: change.runId })
    case 'put': {
      const { digest, size } = change
      return pack({ case: 'put', value: { digest, size: BigInt(size) } })
    }
    case 'remove': {
      const { digest, incarnation } = change
      return pack({ case: 'remove', value: { digest, incarnation: BigInt(incarnation) } })
    }
  }
}

type WireChange = Exclude<MessageInitShape<typeof ChangeSchema>['change'], undefined>

const pack = (change: WireChange): Uint8Array =>
  toBinary(ChangeSchema, create(ChangeSchema, { change }))
