/** Power cuts, ends and faults at every call that the journal makes, each several times. */
import { test } from '../../serial.ts'
import { CALLS, type End, everyCall } from './every-call.ts'

const seeds = Number(process.env['DSTORE_RUNS'] ?? 4)

const ENDS: readonly End[] = [
  'power cut',
  'kill',
  'kill, then power cut',
  'kill, power cut in the next life',
]

for (const end of ENDS) {
  for (const sectorBytes of [512, 4096]) {
    test(`R009-40, R009-43 an end at every call, ${end}, sectors of ${sectorBytes}`, async (t) => {
      const hits = await everyCall({ kind: 'end', code: 'EIO' }, end, { sectorBytes, seeds })
      t.deepEqual(hits, CALLS)
    })
  }
}

for (const code of ['EIO', 'ENOSPC'] as const) {
  for (const kind of ['once', 'on'] as const) {
    test(`R009-44, R009-45 ${code} at every call, ${kind}: what was said is so`, async (t) => {
      const hits = await everyCall({ kind, code }, 'power cut', { sectorBytes: 512, seeds })
      t.deepEqual(hits, CALLS)
    })
  }
}
