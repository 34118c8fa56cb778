import { test } from '../serial.ts'
import * as fc from 'fast-check'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ChosenLines, parseLogLine } from '../../cli/commands/node/log-lines.ts'
import { parseSince } from '../../cli/commands/node/logs.ts'
import { createLog } from '../../src/daemon/process/log.ts'
import { Place } from './command.ts'

const AT = new Date('2026-11-30T12:00:00.000Z')

test('R007-454 a line of the log is taken apart as it was put together', (t) => {
  const names = fc.stringMatching(/^[a-z][\w-]{0,9}$/)
  const texts = fc.oneof(fc.string(), fc.stringMatching(/^[\w.:/@+-]+$/), fc.constant('a "b" c=d'))
  fc.assert(
    fc.property(fc.dictionary(names, texts, { maxKeys: 5 }), (facts) => {
      let line = ''
      createLog(
        'info',
        (text) => (line = text),
        () => AT,
      ).warn('it failed', facts)
      const found = parseLogLine(line.trimEnd())
      // oxlint-disable-next-line no-control-regex -- the log replaces them
      const plain = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
      t.deepEqual(found, {
        time: AT.toISOString(),
        level: 'warn',
        message: 'it failed',
        facts: Object.fromEntries(Object.entries(facts).map(([name, text]) => [name, plain(text)])),
      })
    }),
  )
})

test('R007-454 what another program wrote is a message, and so is an equals sign in one', (t) => {
  const other = { time: null, level: null, facts: {} }
  for (const message of ['', 'TypeError: x', '    at f (file.js:1) a=b']) {
    t.deepEqual(parseLogLine(message), { ...other, message })
  }
  const { message, facts } = parseLogLine(`${AT.toISOString()} info with a=b in it pid=4 up="1 h"`)
  t.deepEqual([message, facts], ['with a=b in it', { pid: '4', up: '1 h' }])
  const { message: all } = parseLogLine(`${AT.toISOString()} info ends a="\\x"`)
  t.is(all, 'ends a="\\x"')
})

test('R007-454 --since and -n choose lines, and begin in the log before this one', async (t) => {
  const place = new Place(t)
  mkdirSync(place.state, { mode: 0o700 })
  const at = (minute: number, text: string): string =>
    `2026-11-30T12:${String(minute).padStart(2, '0')}:00.000Z info ${text}\n`
  writeFileSync(join(place.state, 'daemon.log.1'), `${at(1, 'one')}${at(2, 'two')}    at two`)
  writeFileSync(join(place.state, 'daemon.log'), `${at(3, 'three a=1')}no end`)
  const logs = async (...args: string[]): Promise<string[]> => {
    const { stdout, exit } = await place.run(['logs', ...args])
    t.is(exit, 0)
    return stdout.toString().split('\n').slice(0, -1)
  }
  t.deepEqual(await logs(), [at(3, 'three a=1').trimEnd(), 'no end'])
  t.deepEqual(
    await logs('--since', '2026-11-30T12:01:30Z'),
    `${at(2, 'two')}    at two\n${at(3, 'three a=1')}no end`.split('\n'),
  )
  t.deepEqual(await logs('-n', '3'), ['    at two', at(3, 'three a=1').trimEnd(), 'no end'])
  const [three, end] = (await logs('--json')).map((line) => JSON.parse(line) as unknown)
  const time = '2026-11-30T12:03:00.000Z'
  t.deepEqual(three, { time, level: 'info', message: 'three', facts: { a: '1' } })
  t.deepEqual(end, { time: null, level: null, message: 'no end', facts: {} })
  for (const args of [
    ['-n', '0'],
    ['-n', 'x'],
    ['--since', 'x'],
    ['--since', '2026-99-99'],
  ]) {
    t.is((await place.run(['logs', ...args])).exit, 2, args.join(' '))
  }
})

test('R007-454 a time is a time, or how long before now', (t) => {
  t.is(parseSince('10m', 1_000_000), 400_000)
  for (const text of ['now', '', '0m', '2026-13-45']) {
    t.throws(() => parseSince(text, 0), { code: 'usage', message: `not a time: ${text}` })
  }
  t.is(parseSince('2026-11-30T12:00:00Z', 0), AT.getTime())
})

test('R007-454 lines that are cut anywhere arrive whole, and the last ones are few', async (t) => {
  let printed = ''
  const terminal = { write: async (text: string) => void (printed += text) }
  const lines = new ChosenLines({ last: 2, json: false }, terminal)
  for (const byte of Buffer.from('eins\nzwölf\ndrei\nvi')) await lines.write(Uint8Array.of(byte))
  t.is(printed, '')
  t.true(await lines.caughtUp())
  t.false(await lines.caughtUp())
  await lines.write(Buffer.from('er\nfünf'))
  await lines.end()
  t.is(printed, 'zwölf\ndrei\nvier\nfünf\n')
})
