/** What a starting daemon reports to the process that started it. */
import { test } from '../../serial.ts'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { READY_FD_VARIABLE, notifyParent } from '../../../src/daemon/process/readiness.ts'
import { temporaryDirectory } from '../serving.ts'

test('R007-10 a daemon reports once: its descriptor may be that of another file later', (t) => {
  const directory = temporaryDirectory(t)
  const [pipe, other] = [join(directory, 'pipe'), join(directory, 'other')]
  const fd = openSync(pipe, 'w')
  process.env[READY_FD_VARIABLE] = String(fd)
  t.teardown(() => delete process.env[READY_FD_VARIABLE])
  notifyParent({ ready: true, socket: '/s' })
  t.is(openSync(other, 'w'), fd)
  notifyParent({ ready: true, socket: '/later' })
  t.is(readFileSync(pipe, 'utf8'), '{"ready":true,"socket":"/s"}\n')
  t.is(readFileSync(other, 'utf8'), '')
  closeSync(fd)
})
