/** Input files that become named pipes just before they are opened. */
import { test } from '../serial.ts'
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import type { ExecutionContext } from 'ava'
import { groupSmall } from '../../cli/input/small-files.ts'
import { FileSource } from '../../src/store/file/file-source.ts'
import { Place } from './command.ts'

/** How long an opening that waits for a writer would wait here. */
const WRITER_S = 5

/** A regular file that becomes a pipe once it was looked at. */
function swapped(t: ExecutionContext): string {
  const file = new Place(t).file('input')
  fs.writeFileSync(file, 'regular')
  const { statSync } = fs
  const { stat } = promises
  const swap = (path: unknown): void => {
    if (path !== file || !statSync(file).isFile()) return
    fs.rmSync(file)
    execFileSync('mkfifo', [file])
    // It ends the wait of a reader, so that a test fails rather than hangs.
    const writer = spawn('sh', ['-c', `sleep ${WRITER_S}; echo piped > "$0"`, file])
    t.teardown(() => writer.kill('SIGKILL'))
  }
  const replace = (calls: object, more: object): void => {
    Object.assign(fs, calls)
    Object.assign(promises, more)
    syncBuiltinESMExports()
  }
  t.teardown(() => replace({ statSync }, { stat }))
  replace(
    {
      statSync: (...args: Parameters<typeof statSync>) => {
        const found = statSync(...args)
        swap(args[0])
        return found
      },
    },
    {
      stat: async (...args: Parameters<typeof stat>) => {
        const found = await stat(...args)
        swap(args[0])
        return found
      },
    },
  )
  return file
}

test('R007-95 a file that becomes a pipe before it is opened is refused, without a wait', async (t) => {
  const file = swapped(t)
  const since = performance.now()
  await t.throwsAsync(FileSource.open(file), { code: 'unreadable', message: /not a regular file$/ })
  t.true(performance.now() - since < WRITER_S * 1000)
  t.true(fs.lstatSync(file).isFIFO())
})

test('R007-39 a small file that becomes a pipe before it is opened is left to its own turn', (t) => {
  const file = swapped(t)
  const other = new Place(t).file('other')
  fs.writeFileSync(other, 'other')
  const since = performance.now()
  const [first] = groupSmall([other, file])
  t.deepEqual(first, { files: [other], values: undefined })
  t.true(performance.now() - since < WRITER_S * 1000)
  t.true(fs.lstatSync(file).isFIFO())
})
