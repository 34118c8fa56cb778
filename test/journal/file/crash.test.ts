/**
 * Power cuts and faults at every call that the journal makes; crash.extended.ts has all of them.
 */
import { test } from '../../serial.ts'
import { CALLS, everyCall } from './every-call.ts'

test('R009-40, R009-43 a power cut at every call', async (t) => {
  const hits = await everyCall({ kind: 'end', code: 'EIO' }, 'power cut', { sectorBytes: 512 })
  t.deepEqual(hits, CALLS)
})

test('R009-43 the end of the process at every call, and a power cut after the next opening', async (t) => {
  const end = 'kill, then power cut'
  const hits = await everyCall({ kind: 'end', code: 'EIO' }, end, { sectorBytes: 4096 })
  t.deepEqual(hits, CALLS)
})

test('R009-44, R009-45 a fault at every call: what was said to be there or not is so', async (t) => {
  const hits = await everyCall({ kind: 'once', code: 'EIO' }, 'power cut', { sectorBytes: 512 })
  t.deepEqual(hits, CALLS)
})

test('R009-47, R009-49 a power cut after the end of a process, where writes stay in the drive', async (t) => {
  const end = 'kill, power cut in the next life'
  const circumstances = { sectorBytes: 4096, needsSync: true }
  const hits = await everyCall({ kind: 'end', code: 'EIO' }, end, circumstances)
  t.deepEqual(hits, CALLS)
})
