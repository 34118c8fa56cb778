/** Reads archives of blocks (CARv1), such as the fixtures of a suite. */
import { CID } from 'multiformats/cid'
import { varint } from 'multiformats'

/** The blocks of a CAR that is in memory. Throws for one that is cut short. */
export function* blocksOfCar(
  car: Uint8Array,
): Generator<{ readonly cid: CID; readonly bytes: Uint8Array }, void, undefined> {
  let at = 0
  const section = (): Uint8Array => {
    const [length, lengthBytes] = varint.decode(car, at)
    const start = at + lengthBytes
    at = start + length
    if (at > car.byteLength) throw new RangeError('the archive is cut short')
    return car.subarray(start, at)
  }
  // The header says the roots.
  section()
  while (at < car.byteLength) {
    const [cid, bytes] = CID.decodeFirst(section())
    yield { cid, bytes }
  }
}
