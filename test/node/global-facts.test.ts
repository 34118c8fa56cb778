/** What a Local knows of its Global for `status`. */
import { test } from '../serial.ts'
import { GlobalReports } from '../../src/node/global-facts.ts'
import type { Body, Welcome } from '../../src/index/message.ts'

const WELCOME: Welcome = {
  type: 'welcome',
  version: 1,
  position: { runId: new Uint8Array(16), seq: 1 },
  leaseMs: undefined,
  reset: true,
  members: [],
  addresses: [],
}

function after(...bodies: readonly Body[]): object {
  const reports = new GlobalReports(() => 1_000_000)
  for (const body of bodies) reports.heard(body, 40)
  const { version, lanePort, role, clockDifferenceMs } = reports.pulse(40)
  return { version, lanePort, role, clockDifferenceMs }
}

const NOTHING = {
  version: undefined,
  lanePort: undefined,
  role: undefined,
  clockDifferenceMs: undefined,
}

test('R004-77 R004-78 the clocks differ by the time that Global named, plus half a round trip', (t) => {
  const report = { wallMs: 4_600_000, release: '1.2.3', lanePort: 4481, role: 'admin' } as const
  const known = { version: '1.2.3', lanePort: 4481, role: 'admin' }
  const welcome = { ...WELCOME, report }
  t.deepEqual(after(welcome), { ...known, clockDifferenceMs: 3_600_020 })
  t.deepEqual(after(welcome, { type: 'pong', seq: 1, wallMs: 999_970, role: 'reader' }), {
    ...known,
    role: 'reader',
    clockDifferenceMs: -10,
  })
  t.deepEqual(after(welcome, { type: 'ack', seq: 1 }), { ...known, clockDifferenceMs: 3_600_020 })
})

test('R004-79 of a Global that reports nothing, nothing is known', (t) => {
  t.deepEqual(after(), NOTHING)
  t.deepEqual(after(WELCOME), NOTHING)
  t.deepEqual(after(WELCOME, { type: 'pong', seq: 1 }), NOTHING)
  // After an update the other way: what the newer one reported is void.
  t.deepEqual(after({ ...WELCOME, report: { release: '2.0.0', wallMs: 1 } }, WELCOME), NOTHING)
})
