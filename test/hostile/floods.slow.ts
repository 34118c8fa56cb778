/** Floods at full size. */
import { floodSuite } from './floods.ts'

floodSuite({
  halfOpen: 1000,
  streams: 1000,
  locates: 200_000,
  floodMs: 3000,
  valueBytes: 20_000_000,
})
