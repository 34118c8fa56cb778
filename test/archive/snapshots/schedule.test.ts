import { SnapshotSchedule } from '../../../src/archive/snapshots/schedule.ts'
import { test } from '../../serial.ts'

const LIMITS = { bytes: 100, ms: 1000, objects: 5, retryMs: 10 }
const HOUR = { ageMs: 0, bytes: 0 }

test('R011-46 the first snapshot is due at once', (t) => {
  const schedule = new SnapshotSchedule(7, undefined, LIMITS)
  t.is(schedule.waitMs(7), 0)
  schedule.begin(7)
  t.is(schedule.waitMs(8), undefined)
  schedule.taken()
  t.is(schedule.waitMs(9), undefined)
})

test('R011-46 a snapshot is due after so many bytes, or a while after a change', (t) => {
  const schedule = new SnapshotSchedule(0, HOUR, LIMITS)
  t.is(schedule.waitMs(5000), undefined)
  schedule.archived({ bytes: 10, isChange: false })
  t.is(schedule.waitMs(5000), undefined)
  schedule.archived({ bytes: 10, isChange: true })
  t.is(schedule.waitMs(400), 600)
  t.is(schedule.waitMs(5000), 0)
  schedule.archived({ bytes: 80, isChange: false })
  t.is(schedule.waitMs(400), 0)
  const aged = new SnapshotSchedule(0, { ageMs: 900, bytes: 1 }, LIMITS)
  t.is(aged.waitMs(0), 100)
})

test('R011-46 heartbeats alone make one due in the end: they are objects, too', (t) => {
  const schedule = new SnapshotSchedule(0, HOUR, LIMITS)
  for (let i = 0; i < 4; i++) schedule.archived({ bytes: 1, isChange: false })
  t.is(schedule.waitMs(2000), undefined)
  schedule.archived({ bytes: 1, isChange: false })
  t.is(schedule.waitMs(500), 500)
})

test('R011-46 what comes while one is taken counts for the next', (t) => {
  const schedule = new SnapshotSchedule(0, HOUR, LIMITS)
  schedule.archived({ bytes: 100, isChange: true })
  schedule.begin(50)
  schedule.archived({ bytes: 3, isChange: true })
  schedule.taken()
  t.is(schedule.waitMs(60), 990)
  t.throws(() => schedule.taken(), { instanceOf: TypeError })
  schedule.begin(1050)
  t.throws(() => schedule.begin(1051), { instanceOf: TypeError })
})

test('R011-46 one that fails is tried again after a wait that grows, with all that it lacked', (t) => {
  const schedule = new SnapshotSchedule(0, HOUR, LIMITS)
  schedule.archived({ bytes: 100, isChange: true })
  const waits = Array.from({ length: 9 }, (_, i) => {
    schedule.begin(i)
    schedule.failed(i)
    return schedule.waitMs(i)
  })
  t.deepEqual(waits, [10, 20, 40, 80, 160, 320, 640, 1000, 1000])
  schedule.begin(9)
  schedule.taken()
  t.is(schedule.waitMs(10), undefined)
  schedule.archived({ bytes: 100, isChange: true })
  t.is(schedule.waitMs(10), 0)
})
