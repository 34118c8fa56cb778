/** What a starting daemon reports to the process that started it. */
import { test } from '../../serial.ts'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../../eventually.ts'
import {
  READY_FD_VARIABLE,
  notifyParent,
  tellParent,
} from '../../../src/daemon/process/readiness.ts'
import { startInBackground } from '../../../src/daemon/process/background.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
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

test('R012-46 what a starting daemon does comes before its last word, and nothing after it', async (t) => {
  const pipe = join(temporaryDirectory(t), 'pipe')
  process.env[READY_FD_VARIABLE] = String(openSync(pipe, 'w'))
  t.teardown(() => delete process.env[READY_FD_VARIABLE])
  tellParent({ doing: 'one' })
  // The starter has not read the first: this one is left out.
  tellParent({ doing: 'two' })
  notifyParent({ ready: true, socket: '/s' })
  tellParent({ doing: 'three' })
  const both = '{"doing":"one"}\n{"ready":true,"socket":"/s"}\n'
  t.true(await eventually(async () => readFileSync(pipe, 'utf8') === both))
  tellParent({ doing: 'four' })
  t.is(readFileSync(pipe, 'utf8'), both)
})

/** A process that says something each second, as a daemon does, and is ready after six. */
const SLOW = `
  const { writeSync, closeSync } = require('node:fs')
  const say = (what) => writeSync(3, JSON.stringify(what) + '\\n')
  let said = 0
  const timer = setInterval(() => {
    if (++said < 6) return say({ doing: 'step ' + said })
    say({ ready: true, socket: '/s' })
    closeSync(3)
    clearInterval(timer)
  }, 1000)
`

test('R012-46 a start may take longer than the patience with it while it says what it does', async (t) => {
  t.timeout(60_000)
  const directory = stateDirectory(temporaryDirectory(t))
  const steps: string[] = []
  const started = startInBackground({
    directory,
    socket: directory.socket,
    patienceMs: 4_000,
    onStep: (doing) => steps.push(doing),
    command: [process.execPath, '-e', SLOW],
  })
  t.is(await started, '/s')
  t.deepEqual(steps, ['step 1', 'step 2', 'step 3', 'step 4', 'step 5'])
})

test('R012-46 a start that says nothing more is ended', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  const say = `require('node:fs').writeSync(3, '{"doing":"waits"}\\n'); setTimeout(() => undefined, 60_000)`
  const started = startInBackground({
    directory,
    socket: directory.socket,
    patienceMs: 500,
    command: [process.execPath, '-e', say],
  })
  await t.throwsAsync(started, { code: 'unreachable', message: /SIGTERM/ })
})
