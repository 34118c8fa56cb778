import { test } from '../serial.ts'
import { createClock } from '../../src/node/clock.ts'

test('R004-50: the clock runs on through sleep and jumps forward, and never goes back', (t) => {
  const clocks = { monotonic: 0, uptime: 0, wall: 0 }
  const now = createClock({
    monotonic: () => clocks.monotonic,
    uptime: () => clocks.uptime,
    wall: () => clocks.wall,
  })
  const pass = (monotonic: number, uptime: number, wall: number): number => {
    clocks.monotonic += monotonic
    clocks.uptime += uptime
    clocks.wall += wall
    return now()
  }
  t.is(pass(1000, 1000, 1000), 1000)
  t.is(pass(0, 60_000, 60_000), 61_000, 'the machine slept')
  t.is(pass(10, 10, 5_000), 66_000, 'somebody set the wall clock forward')
  t.is(pass(10, 10, -5_000), 66_010, 'and back')
  for (let i = 0; i < 1000; i++) pass(1, 0, 2)
  t.is(now(), 67_010, 'clocks that are looked at coarsely do not add up')
})
