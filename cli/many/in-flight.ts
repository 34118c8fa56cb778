/** Bounds on what one command has in flight: requests, and bytes of their values (R007-201). */
import { MIB } from '../../src/limits.ts'
import { WorkLimit } from '../../src/tree/work-limit.ts'

/** Requests that one command keeps in flight. */
export const IN_FLIGHT = 64

/** Bytes of the values that are in flight, where their sizes are known. */
const IN_FLIGHT_BYTES = 64 * MIB

export class InFlight extends WorkLimit {
  constructor() {
    super(IN_FLIGHT, IN_FLIGHT_BYTES)
  }
}
