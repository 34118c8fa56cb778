import { test } from '../serial.ts'
import { showFolder } from '../../cli/tree/folder-progress.ts'
import { ProgressLine } from '../../cli/terminal/progress.ts'
import { MIB } from '../../src/limits.ts'

test('R007-245 the progress of a folder names it, the step and its files, with the rate of the step', (t) => {
  let now = 0
  const drawn: string[] = []
  const line = new ProgressLine(
    'model',
    (text) => drawn.push(text.slice('\r\u001b[K'.length)),
    () => 100,
    () => now,
  )
  const show = showFolder(line, 'model')
  const total = { totalFiles: 3, totalBytes: 8 * MIB }
  now = 2000
  show({
    phase: 'scan',
    doneFiles: 1,
    totalFiles: undefined,
    doneBytes: MIB,
    totalBytes: undefined,
  })
  now = 10_000
  show({ phase: 'hash', doneFiles: 0, doneBytes: 0, ...total })
  now = 12_000
  show({ phase: 'hash', doneFiles: 1, doneBytes: 4 * MIB, ...total })
  now = 20_000
  show({ phase: 'store', doneFiles: 0, doneBytes: 0, ...total })
  now = 21_000
  show({ phase: 'store', doneFiles: 2, doneBytes: 2 * MIB, ...total })
  t.regex(drawn[0]!, /^model {2}found 1 file {2}1MiB/)
  t.is(drawn[2], 'model  hashed 1 of 3 files  50%  4MiB of 8MiB  2MiB/s  2s left')
  t.is(drawn[4], 'model  stored 2 of 3 files  25%  2MiB of 8MiB  2MiB/s  3s left')
})
