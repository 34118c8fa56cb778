/** Bounds on what one command has in flight: requests, and bytes of their values (R007-201). */
import { DstoreError } from '../../src/errors.ts'
import { MIB } from '../../src/limits.ts'
import { WorkLimit } from '../../src/tree/work-limit.ts'

/** Requests that one command keeps in flight. */
export const IN_FLIGHT = 64

/** Bytes of the values that are in flight, where their sizes are known. */
const IN_FLIGHT_BYTES = 64 * MIB

/** Files that `put` stores at a time: the node hashes them, which needs its processors. */
export const PUT_JOBS = 4

export class InFlight extends WorkLimit {
  constructor(most: number = IN_FLIGHT) {
    super(most, IN_FLIGHT_BYTES)
  }
}

/** The number in `--jobs`; throws `usage` for one that is too large, or none. */
export function jobsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9]\d?$/.test(text) && Number(text) <= IN_FLIGHT) return Number(text)
  throw new DstoreError('usage', `not a number of jobs: ${text}`, {
    hint: `write a number from 1 to ${IN_FLIGHT}`,
  })
}
