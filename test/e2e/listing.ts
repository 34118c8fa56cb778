import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from '../serial.ts'

const BENCH = fileURLToPath(new URL('../../bench/listing.js', import.meta.url))

/**
 * Lists this many names of 480 bytes each, four times. The bench fails where the daemon grows by
 * 64 MiB, or a line is missing.
 */
export function longList(names: number): void {
  const title = names.toLocaleString('en-US')
  test(`R004-33: a list of ${title} long names comes whole, and the daemon does not grow with it`, async (t) => {
    if (process.platform !== 'linux') {
      t.pass('memory is read from /proc')
      return
    }
    const args = [BENCH, String(names / 1_000_000), '480']
    const { stdout } = await promisify(execFile)(process.execPath, args)
    t.log(stdout.trim())
    t.is(stdout.match(new RegExp(`${names} lines`, 'g'))?.length, 4)
  })
}
