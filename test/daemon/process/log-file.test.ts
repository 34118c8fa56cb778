import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { logToFile, openLog } from '../../../src/daemon/process/log-file.ts'
import { temporaryDirectory } from '../serving.ts'

const MOST = 100

test('R007-77 the log and the one before it hold the latest lines, whole, within the bound', (t) => {
  const lines = fc.array(fc.integer({ min: 1, max: MOST - 1 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(lines, (sizes) => {
      const folder = mkdtempSync(join(tmpdir(), 'dstore-log-'))
      try {
        const path = join(folder, 'daemon.log')
        let write = logToFile(path, MOST)
        const all = sizes.map((size, index) => `${String(index % 10).repeat(size)}\n`)
        for (const [index, line] of all.entries()) {
          // A restarted daemon appends to the file.
          if (index % 17 === 16) write = logToFile(path, MOST)
          write(line)
        }
        const found = readdirSync(folder).toSorted().toReversed()
        const kept = found.map((name) => readFileSync(join(folder, name), 'utf8'))
        for (const text of kept) if (text.length > MOST) return false
        const text = kept.join('')
        return found.length <= 2 && text !== '' && all.join('').endsWith(text)
      } finally {
        rmSync(folder, { recursive: true })
      }
    }),
  )
  t.pass()
})

test('R007-77 a file that has grown is replaced before another process writes to it', (t) => {
  const path = join(temporaryDirectory(t), 'daemon.log')
  for (const [size, isReplaced] of [
    [MOST, false],
    [MOST + 1, true],
  ] as const) {
    writeFileSync(path, 'x'.repeat(size))
    closeSync(openLog(path, MOST))
    t.is(statSync(path).size, isReplaced ? 0 : size)
    t.is(existsSync(`${path}.1`), isReplaced)
  }
})

test('R007-77 a log that cannot be written does not end the daemon', (t) => {
  const folder = temporaryDirectory(t)
  const path = join(folder, 'daemon.log')
  const write = logToFile(path, MOST)
  write(`${'x'.repeat(MOST - 2)}\n`)
  t.is(statSync(path).mode & 0o777, 0o600)
  rmSync(folder, { recursive: true })
  t.notThrows(() => write('one more\n'))
})

test('R007-113 a log that cannot be opened at first, or after it was full, is written later', (t) => {
  const folder = temporaryDirectory(t)
  const path = join(folder, 'late', 'daemon.log')
  const write = logToFile(path, MOST)
  t.notThrows(() => write('lost\n'))
  mkdirSync(join(folder, 'late'))
  write('first\n')
  t.is(readFileSync(path, 'utf8'), 'first\n')
  write(`${'x'.repeat(MOST - 7)}\n`)
  // It was renamed when no descriptor for its successor was free.
  renameSync(path, `${path}.1`)
  write('second\n')
  t.is(readFileSync(path, 'utf8'), 'second\n')
})
