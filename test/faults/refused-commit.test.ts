/** A disk that refuses the database, for real: its file may grow no further. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Client } from '../../src/daemon/client/client.ts'
import { OVERLAY_BYTES } from '../../src/limits.ts'
import { test } from '../serial.ts'
import { BUNDLE, Place, outcome, type Outcome } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { once as stream } from '../node/nodes.ts'

const VALUE_BYTES = 16_000
/** What a store takes while LMDB refuses, in values; and more than it takes. */
const LEAST = Math.floor((OVERLAY_BYTES * 0.8) / VALUE_BYTES)
const MOST = Math.ceil((OVERLAY_BYTES * 1.2) / VALUE_BYTES)

test('R005-54, R005-100: while the disk refuses the database, puts go on to a bound, removals beyond it, and one line of the log says it', async (t) => {
  const place = new Place(t)
  // In the units of the shell: 256 KiB or more.
  const limited = 'ulimit -f 512; exec "$@"'
  const daemon = spawn('sh', ['-c', limited, 'sh', process.execPath, BUNDLE, 'daemon'], {
    env: place.env(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  daemon.stderr.on('data', (piece) => (log += String(piece)))
  let ready = ''
  daemon.stdout.on('data', (piece) => (ready += String(piece)))
  const ended = new Promise((resolve) => daemon.once('exit', resolve))
  t.teardown(() => {
    daemon.kill()
    return ended
  })
  await eventually(() => ready.includes('dstore ready'))
  const client = (await Client.connect(join(place.state, 'dstore.sock')))!
  t.teardown(() => client.close())
  const keys: string[] = []
  let fault: unknown
  const put = async (): Promise<void> => {
    while (fault === undefined && keys.length < MOST) {
      try {
        const bytes = randomBytes(VALUE_BYTES)
        keys.push((await client.putBytes(stream(bytes), VALUE_BYTES)).key)
      } catch (error) {
        fault ??= error
      }
    }
  }
  await Promise.all([put(), put(), put(), put()])
  t.true(keys.length > LEAST && keys.length < MOST, `${keys.length} values are stored`)
  t.regex(String(fault), /the file is larger than the system allows/)

  const { exit, stderr } = await place.run(['put', '-'], { input: randomBytes(VALUE_BYTES) })
  t.is(exit, 7, stderr)
  t.regex(stderr, /^dstore: cannot take changes .*: the file is larger than the system allows$/m)
  const removed = keys.splice(0, 3)
  for (const key of removed) await client.remove(key, true)
  t.is(log.match(/the disk refused a change/g)?.length, 1, log)
  // The C code of the database writes lines of its own, or none.
  const lines = log.split('\n').filter((line) => line !== '' && !/^(Write error: |mdb_)/.test(line))
  for (const line of lines) t.regex(line, /^\d{4}-\S+ (info|error) /)

  // What was answered is in the journal, and the next process has it.
  client.close()
  daemon.kill('SIGKILL')
  await ended
  const { stdout } = await place.run(['ls', '--keys'])
  t.deepEqual(stdout.toString().trim().split('\n').toSorted(), keys.toSorted())
})

test('R007-112 a limit on the size of files is named wherever it stops the database', async (t) => {
  // With some of these LMDB writes a page in part, in others not at all, at opening and later.
  for (const blocks of [16, 32, 40, 48, 64, 80, 96, 112]) {
    const place = new Place(t)
    const limited = `ulimit -f ${blocks}; exec "$@"`
    const put = async (): Promise<Outcome> => {
      const args = ['-c', limited, 'sh', process.execPath, BUNDLE, 'put', '-']
      const child = spawn('sh', args, { env: place.env() })
      child.stdin.on('error', () => undefined)
      child.stdin.end(randomBytes(3000))
      return outcome(child)
    }
    let last = await put()
    for (let i = 0; i < 30 && last.exit === 0; i++) last = await put()
    t.is(last.exit, 7, `${blocks}: ${last.stderr}`)
    t.regex(last.stderr, /: the file is larger than the system allows\nhint: see `ulimit -f`\n$/)
  }
})
