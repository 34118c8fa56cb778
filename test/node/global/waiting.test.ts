import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from '../../serial.ts'

test('R004-100: a process that waits for the removal of a tree does not end before it', async (t) => {
  const path = fileURLToPath(new URL('waiting-process.js', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [path])
  t.is(stdout, 'removed 3')
})
