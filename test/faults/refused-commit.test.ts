/** A disk that refuses the database, for real: its file may grow no further. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { test } from '../serial.ts'
import { BUNDLE, Place, outcome, type Outcome } from '../cli/command.ts'
import { eventually } from '../eventually.ts'

test('R005-54: a commit that the disk refuses is one line of the log, without a stack', async (t) => {
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
  let refused = 0
  for (let i = 0; i < 100 && refused < 2; i++) {
    const { exit, stderr } = await place.run(['put', '-'], { input: randomBytes(15_000) })
    if (exit === 0) continue
    refused++
    t.is(exit, 7, stderr)
    t.regex(stderr, /^dstore: cannot commit: the file is larger than the system allows$/m)
  }
  t.is(refused, 2, 'the file of the database grew beyond its limit')
  await eventually(() => (log.match(/the disk refused a change/g)?.length ?? 0) >= 2)
  t.is(log.match(/the disk refused a change/g)?.length, 2, log)
  // The C code of the database writes one of these lines itself, or none.
  const lines = log.split('\n').filter((line) => line !== '' && !line.startsWith('Write error: '))
  for (const line of lines) t.regex(line, /^\d{4}-\S+ (info|error) /)
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
