/** What tests of the command line leave: nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { test } from '../serial.ts'
import { Place } from './command.ts'

test('a daemon that has no lock yet ends with its place', async (t) => {
  if (!existsSync('/proc/self/cwd')) return t.pass('the system does not show where processes work')
  const ends: (() => unknown)[] = []
  const place = new Place({ teardown: (end) => void ends.push(end) })
  mkdirSync(place.state)
  const starting = spawn('sleep', ['321'], { cwd: place.state, stdio: 'ignore', detached: true })
  t.teardown(() => starting.kill('SIGKILL'))
  const ended = once(starting, 'exit')
  for (const end of ends) await end()
  t.deepEqual(await ended, [null, 'SIGKILL'])
  t.false(existsSync(place.path))
  return undefined
})
