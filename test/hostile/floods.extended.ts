/** Floods at a tenth of their size: the full size is in floods.slow.ts. */
import { floodSuite } from './floods.ts'

floodSuite({
  // `npm run test:hostile` makes ten thousand, if the limit of open files permits.
  halfOpen: Number(process.env['DSTORE_HALF_OPEN'] ?? 200),
  streams: 300,
  locates: Number(process.env['DSTORE_LOCATES'] ?? 100_000),
  floodMs: 600,
  valueBytes: 8_000_000,
})
