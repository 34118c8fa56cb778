import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from '../serial.ts'

const BENCH = fileURLToPath(new URL('../../bench/listing.js', import.meta.url))

test('R004-33: a list of 100,000 long names comes whole, and the daemon does not grow with it', async (t) => {
  if (process.platform !== 'linux') {
    t.pass('memory is read from /proc')
    return
  }
  // 48 MB of names: the bench fails where the daemon grows by 64 MiB, or a line is missing.
  const { stdout } = await promisify(execFile)(process.execPath, [BENCH, '0.1', '480'])
  t.log(stdout.trim())
  t.is(stdout.match(/100000 lines/g)?.length, 4)
})
