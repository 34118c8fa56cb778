import { test } from '../serial.ts'
import { ratesText, screenText, showsUtf8, sparkLine } from '../../cli/terminal/rates-text.ts'
import type { Sample } from '../../src/daemon/api/events.ts'
import { outcome, Place } from './command.ts'
import { serving } from '../daemon/serving.ts'

const sample = (facts: Partial<Sample> = {}): Sample => ({
  at: 1,
  bytesIn: 0,
  bytesOut: 0,
  peerIn: 0,
  peerOut: 0,
  ok: 0,
  refused: 0,
  failed: 0,
  hits: 0,
  misses: 0,
  p50: null,
  p99: null,
  ...facts,
})

test('R013-45 a line has one character for each of the last values, as high as the value', (t) => {
  t.is(sparkLine([0, 1, 2, 4, 7, 100], { columns: 3, isUtf8: true }), '▂▂█')
  t.is(sparkLine([0, 1, 50, 100], { columns: 9, isUtf8: true }), '▁▂▅█')
  t.is(sparkLine([0, 0], { columns: 9, isUtf8: true }), '▁▁')
  t.is(sparkLine([], { columns: 9, isUtf8: true }), '')
  const plain = sparkLine([0, 1, 50, 100], { columns: 9, isUtf8: false })
  t.is(plain.length, 4)
  t.regex(plain, /^[ -~]+$/)
})

test('R013-45 the last second in figures, and its course where there is a terminal', (t) => {
  t.is(ratesText([]), '')
  t.is(
    ratesText([sample()]),
    [
      'callers       0B/s in, 0B/s out',
      'peers         0B/s in, 0B/s out',
      'requests      0/s',
    ].join('\n'),
  )
  const busy = sample({
    bytesIn: 1024,
    ok: 97,
    refused: 2,
    failed: 1,
    hits: 3,
    misses: 1,
    p50: 0.25,
    p99: 31.6,
  })
  const text = ratesText([sample(), busy], { columns: 80, isUtf8: true })
  t.is(
    text,
    [
      'callers       1KiB/s in, 0B/s out',
      'peers         0B/s in, 0B/s out',
      'requests      100/s, 2 refused, 1 FAILED, 75% hits, half within 0.3ms, 99% within 32ms',
      'bytes         ▁█ up to 1KiB/s',
      'requests      ▁█ up to 100/s',
    ].join('\n'),
  )
  const many = Array.from({ length: 600 }, () => busy)
  for (const columns of [1, 40, 80, 300]) {
    const lines = ratesText(many, { columns, isUtf8: false }).split('\n').slice(-2)
    t.true(
      lines.every((line) => line.length <= Math.max(columns, 40)),
      `${columns}`,
    )
    t.true(lines.every((line) => /^[ -~]+$/.test(line)))
  }
})

test('the first variable of the locale that is set decides whether there is UTF-8', (t) => {
  t.true(showsUtf8({ LANG: 'en_GB.UTF-8' }))
  t.true(showsUtf8({ LC_ALL: '', LC_CTYPE: 'C.utf8', LANG: 'C' }))
  t.false(showsUtf8({ LC_ALL: 'C', LANG: 'en_GB.UTF-8' }))
  t.false(showsUtf8({}))
})

test('R013-45 status --watch has as many rows as the terminal, and keeps the rates', (t) => {
  const status = Array.from({ length: 30 }, (_, n) => `fact ${n}`).join('\n')
  const rates = 'callers 1\npeers 2\nrequests 3'
  const whole = `${status}\n${rates}`
  t.is(screenText(status, rates, { columns: undefined, rows: undefined }), whole)
  t.is(screenText(status, rates, { columns: 80, rows: 34 }), whole)
  const cut = screenText(status, rates, { columns: 80, rows: 33 }).split('\n')
  t.is(cut.length, 32)
  t.deepEqual(cut.slice(-5), ['fact 27', '... 2 more lines: dstore status', ...rates.split('\n')])
  // A line that is longer than the terminal takes more than one row.
  const long = screenText(`${'x'.repeat(100)}\n${status}`, rates, { columns: 40, rows: 12 })
  t.deepEqual(long.split('\n').slice(1, 5), ['fact 0', 'fact 1', 'fact 2', 'fact 3'])
  t.is(long.split('\n').length, 9)
  for (const rows of [1, 2, 3, 4, 5]) {
    const lines = screenText(status, rates, { columns: 80, rows }).split('\n')
    t.deepEqual(lines.slice(-3), rates.split('\n'))
    t.true(lines.length <= Math.max(4, rows - 1))
  }
  t.is(screenText('a\nb', '', { columns: 80, rows: 3 }), 'a\nb')
})

test('R013-45 status --watch shows rates, and no course to a program', async (t) => {
  const { directory, daemon } = await serving(t)
  t.truthy(daemon)
  const place = new Place(t, directory.path)
  const child = place.start(['status', '--watch'])
  const ended = outcome(child)
  let text = ''
  child.stdout!.on('data', (piece) => (text += String(piece)))
  while (!/^requests .*\d\/s/m.test(text) && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 50))
  child.kill('SIGINT')
  t.is((await ended).exit, 130)
  t.regex(text, /^role +standalone$/m)
  t.regex(text, /^callers +\S+\/s in, \S+\/s out$/m)
  t.notRegex(text, /^bytes /m)
})
