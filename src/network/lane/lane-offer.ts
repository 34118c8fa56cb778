/** The offer of a lane (specs/003-transfer-lane.md, "Offer"): port, id, secret. */
import { concat } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { LANE_ID_BYTES, LANE_SECRET_BYTES } from './lane-keys.ts'
import type { LaneKey } from './lane-keys.ts'

export const LANE_PROTOCOL = '/dstore/lane/1'

export const LANE_OFFER_BYTES: number = 2 + LANE_ID_BYTES + LANE_SECRET_BYTES

export interface LaneOffer {
  /** TCP port, at the remote host of the libp2p connection. */
  readonly port: number
  readonly key: LaneKey
}

export function encodeOffer({ port, key }: LaneOffer): Uint8Array {
  return concat([Uint8Array.of(port >> 8, port & 0xff), key.id, key.secret])
}

/** Error: `protocol`. */
export function decodeOffer(bytes: Uint8Array): LaneOffer {
  if (bytes.byteLength !== LANE_OFFER_BYTES) {
    throw new DstoreError('protocol', `a lane offer of ${bytes.byteLength} bytes`)
  }
  const port = bytes[0]! * 256 + bytes[1]!
  if (port === 0) throw new DstoreError('protocol', 'a lane offer with port 0')
  const id = bytes.slice(2, 2 + LANE_ID_BYTES)
  return { port, key: { id, secret: bytes.slice(2 + LANE_ID_BYTES) } }
}
