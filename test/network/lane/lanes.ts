/** A clock and randomness for lanes. */
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'

export const now = (): number => performance.now()

export const random = (bytes: number): Uint8Array => randomBytes(bytes)
