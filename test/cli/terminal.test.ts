import { eventually } from '../eventually.ts'
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { COMMANDS } from '../../cli/commands.ts'
import { FLAGS } from '../../cli/flags.ts'
import { parseRange } from '../../cli/commands/get.ts'
import { nearest } from '../../cli/suggest.ts'
import { longName } from '../../cli/commands/lists/long-name.ts'
import { agoText, sinceText, untilText, whenText } from '../../cli/wording.ts'
import { peersText } from '../../cli/terminal/peers.ts'
import { ProgressLine, SUMMARY_MS, progressText } from '../../cli/terminal/progress.ts'
import { plural } from '../../cli/terminal/terminal.ts'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import { INLINE_VALUE_BYTES } from '../../src/limits.ts'
import { VERSION } from '../../src/node/version.ts'
import { serving } from '../daemon/serving.ts'
import { BUNDLE, Place, outcome } from './command.ts'

test('every command has help with an example, and every flag is taken by one', (t) => {
  for (const [name, command] of Object.entries(COMMANDS)) {
    t.true(command.examples.length > 0, name)
    for (const [example] of command.examples) t.regex(example, new RegExp(`dstore ${name}\\b`))
  }
  const taken = new Set(Object.values(COMMANDS).flatMap(({ flags }) => flags))
  t.deepEqual([...taken].toSorted(), Object.keys(FLAGS).toSorted())
})

test('every command and flag is in the spec', (t) => {
  const spec = readFileSync('specs/007-daemon-and-command-line.md', 'utf8')
  for (const name of Object.keys(COMMANDS)) t.regex(spec, new RegExp(`\`${name}[ \`]`), name)
  for (const flag of Object.keys(FLAGS)) {
    t.true(spec.includes(`--${flag}`), flag)
  }
})

test('a mistyped word is answered with the nearest one, and an odd one with none', (t) => {
  const words = Object.keys(COMMANDS)
  for (const [typed, meant] of [
    ['pit', 'put'],
    ['gte', 'get'],
    ['statsu', 'status'],
    ['deamon', 'daemon'],
    ['prefech', 'prefetch'],
  ] as const) {
    t.is(nearest(typed, words), meant)
  }
  for (const odd of ['', 'xyzzy', 'frobnicate']) t.is(nearest(odd, words), undefined, odd)
})

test('ranges are read as HTTP writes them', (t) => {
  t.deepEqual(parseRange('0-99'), { start: 0, end: 100 })
  t.deepEqual(parseRange('7-7'), { start: 7, end: 8 })
  t.deepEqual(parseRange('100-'), { start: 100 })
  t.deepEqual(parseRange('-5'), { last: 5 })
  for (const text of [
    '',
    '-',
    '5',
    '5-2',
    'a-b',
    '0-1,3-4',
    '1e3-',
    '--5',
    '0x1-2',
    '9'.repeat(17),
  ]) {
    t.throws(() => parseRange(text), { code: 'malformed-range' }, text)
  }
})

test('R007-20 progress shows amount, rate and time left', (t) => {
  const text = (label: string, doneBytes: number, totalBytes?: number, columns = 79): string =>
    progressText({ label, doneBytes, totalBytes, elapsedMs: 2000, peers: 'from Global' }, columns)
  const half = ['model.bin', 512 * 2 ** 20, 2 ** 30] as const
  t.is(text(...half), 'model.bin  50%  512MiB of 1GiB  256MiB/s  2s left  from Global')
  t.is(text(...half, 60), 'model.bin  50%  512MiB of 1GiB  256MiB/s  2s left')
  t.is(text(...half, 39), 'model.bin  50%  256MiB/s  2s left')
  t.is(text(...half, 20), 'model.bin  50%')
  t.is(text(...half, 10), 'model  50%')
  t.is(text('standard input', 2 ** 21), 'standard input  2MiB  1MiB/s  from Global')
  t.is(text('standard input', 2 ** 21, undefined, 39), 'standard input  2MiB  1MiB/s')
  t.is(text('x', 0, 100, 39), 'x  0%  0B of 100B  0B/s  stalled')
})

test('R007-20 progress of short work is not shown, that of long work is erased', (t) => {
  let now = 0
  const written: string[] = []
  const line = new ProgressLine(
    'x',
    (text) => written.push(text),
    () => 20,
    () => now,
  )
  line.update(1, 100)
  now = 999
  line.update(2, 100)
  line.end()
  t.deepEqual(written, [])
  const long = new ProgressLine(
    'a long label',
    (text) => written.push(text),
    () => 20,
    () => now,
  )
  now = 3000
  long.update(50, 100)
  long.update(51, 100)
  t.is(written.length, 1)
  t.is(written[0], '\r\u001b[Ka long label  50%')
  long.end()
  long.end()
  long.update(60, 100)
  t.is(written.length, 2)
  t.is(written[1], '\r\u001b[K')
})

test('R007-447 long work is summed up in one line, and short work is not', (t) => {
  let now = 0
  const at = (): number => now
  const line = new ProgressLine('x', undefined, undefined, at)
  line.update(2 ** 20)
  now = SUMMARY_MS - 1
  t.is(line.summary('stored'), undefined)
  now = 39_000
  line.update(2 ** 31)
  t.is(line.summary('stored'), 'stored 2GiB in 39s (52.5MiB/s)')
  t.is(line.summary('stored', '4 files'), 'stored 4 files, 2GiB in 39s (52.5MiB/s)')
  const none = new ProgressLine('x', undefined, undefined, at)
  now += 125_000
  t.is(none.summary('fetched', '2 values'), 'fetched 2 values in 2m 5s')
})

test('R007-448 a person reads how long ago, a program the time', (t) => {
  const now = Date.parse('2026-11-30T12:00:00.000Z')
  const at = (ms: number): string => new Date(now - ms).toISOString()
  const ages = [0, 10_000, 200_000, 7_300_000, 2e8].map((ms) => agoText(at(ms), now))
  t.deepEqual(ages, ['1s ago', '10s ago', '3m 20s ago', '2h 1m ago', '2d 7h ago'])
  t.is(sinceText(at(60_000), now), 'for 1m')
  t.is(agoText(at(-60_000), now), '2026-11-30T12:01:00.000Z', 'a time ahead is no age')
  t.is(sinceText(at(0), undefined), 'since 2026-11-30T12:00:00.000Z')
  t.is(agoText('soon', now), 'soon')
  t.is(untilText(at(-3_600_000), now), 'in 1h')
  t.is(untilText(at(60_000), now), '1m ago')
  t.is(untilText(at(-60_000), undefined), '2026-11-30T12:01:00.000Z')
  t.is(whenText('of', at(60_000), now), '1m ago')
  t.is(whenText('of', at(60_000), undefined), 'of 2026-11-30T11:59:00.000Z')
  const line = { name: 'a', key: 'bafkr4i', size: 9, boundAt: at(60_000), expiresAt: at(-6e7) }
  t.is(longName(line, now), '- fixed             9  1m ago        in 16h 40m    a')
  t.is(longName(line), '- fixed             9  2026-11-30T11:59:00Z  2026-12-01T04:40:00Z  a')
  t.is(plural(2, 'miss'), '2 misses')
})

/** A daemon with slow puts; `inTerminal` runs one in a terminal of that many columns. */
async function slowly(
  t: ExecutionContext,
  slowness: number = 1,
): Promise<{
  readonly place: Place
  readonly inTerminal: (
    columns: number,
    env?: Readonly<Record<string, string>>,
    flag?: string,
  ) => Promise<string>
}> {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  // A smaller one would go as bytes, in no time.
  writeFileSync(place.file('a file with a long name'), new Uint8Array(INLINE_VALUE_BYTES + 1))
  const put = node.put.bind(node)
  node.put = async (source, options) => {
    for (let done = 1; done <= 15 * slowness; done++) {
      const doneBytes = done * 100_000_000
      options?.onProgress?.({ phase: 'hash', doneBytes, totalBytes: 1_500_000_000 })
      await new Promise((resolve) => setTimeout(resolve, 120))
    }
    return put(source, options)
  }
  const inTerminal = async (columns: number, env = {}, flag = ''): Promise<string> => {
    const put_ = `'${process.execPath}' '${BUNDLE}' put 'a file with a long name' ${flag}`
    const command = `stty cols ${columns}; ${put_}`
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: place.path,
      env: place.env(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return (await outcome(child)).stdout.toString()
  }
  return { place, inTerminal }
}

test('R007-20 progress is shown only on a terminal, and not with CI', async (t) => {
  const { place, inTerminal } = await slowly(t)
  const [shown, ofCi, ofDumb, piped] = await Promise.all([
    inTerminal(80),
    inTerminal(80, { CI: '1' }),
    inTerminal(80, { TERM: 'dumb' }),
    place.run(['put', 'a file with a long name']),
  ])
  // oxlint-disable-next-line no-control-regex -- it is what clears the line
  t.regex(shown, /\r\u001b\[Ka file.* \d+%.*\r\u001b\[Kbafkr4i/s)
  for (const text of [ofCi, ofDumb]) t.regex(text, /^bafkr4i\w+\r\n$/)
  t.is(piped.stderr, '')
})

test('R007-447 a long put on a terminal is summed up, beside its key', async (t) => {
  const { place, inTerminal } = await slowly(t, 2)
  const [shown, ofCi, quiet, piped] = await Promise.all([
    inTerminal(80),
    inTerminal(80, { CI: '1' }),
    inTerminal(80, {}, '-q'),
    place.run(['put', 'a file with a long name']),
  ])
  t.regex(shown, /stored [\d.]+\w+ in \ds \([\d.]+\w+\/s\)/)
  for (const text of [ofCi, quiet, piped.stderr]) t.false(text.includes('stored'), text)
})

test('R007-20 progress fits the terminal, whether of 80 columns or of 40', async (t) => {
  const { inTerminal } = await slowly(t)
  for (const columns of [80, 40]) {
    const lines = (await inTerminal(columns))
      .split('\r\u001b[K')
      .filter((line) => line.includes('%'))
    t.true(lines.length > 1)
    for (const line of lines) {
      t.true(line.length < columns, line)
      t.regex(line, /^a file with a long name {2}\d+%/, 'the most important is always there')
    }
  }
})

test('R007-77 logs -f follows the log until Ctrl-C, across rotations', async (t) => {
  const place = new Place(t)
  mkdirSync(place.state)
  const log = `${place.state}/daemon.log`
  writeFileSync(log, 'one\n')
  const child = place.start(['logs', '-f'])
  const ended = outcome(child)
  let text = ''
  child.stdout!.on('data', (piece) => (text += String(piece)))
  const shows = (what: string): Promise<true> => eventually(() => text === what)
  await shows('one\n')
  let all = 'one\n'
  for (let round = 0; round < 5; round++) {
    appendFileSync(log, `${round} grows\n`)
    await shows((all += `${round} grows\n`))
    appendFileSync(log, `${round} is the last of this file\n`)
    renameSync(log, `${log}.1`)
    writeFileSync(log, `${round} is the first of the next\n`)
    await shows((all += `${round} is the last of this file\n${round} is the first of the next\n`))
  }
  child.kill('SIGINT')
  t.is((await ended).exit, 130)
})

test('the version is that of the package', async (t) => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  t.is(VERSION, version)
  const place = new Place(t)
  t.is((await place.run(['--version'])).stdout.toString(), `dstore ${version}\n`)
})

test('status --watch refreshes until Ctrl-C; with --json one document a line', async (t) => {
  const { directory } = await serving(t)
  const place = new Place(t, directory.path)
  const child = place.start(['status', '--watch', '--json'])
  const ended = outcome(child)
  let text = ''
  child.stdout!.on('data', (piece) => (text += String(piece)))
  while (text.split('\n').length < 3 && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 50))
  child.kill('SIGINT')
  t.is((await ended).exit, 130)
  for (const line of text.trimEnd().split('\n'))
    t.is((JSON.parse(line) as { role: string }).role, 'standalone')
})

test('R007-20 a terminal that is dumb gets text alone from status --watch', async (t) => {
  const { directory } = await serving(t)
  const place = new Place(t, directory.path)
  const command = `'${process.execPath}' '${BUNDLE}' status --watch`
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: place.path,
    env: place.env({ TERM: 'dumb' }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let text = ''
  child.stdout.on('data', (piece) => (text += String(piece)))
  await eventually((saw) => saw(text).split('standalone').length > 2)
  t.false(text.includes('\u001b'), text)
})

test('R007-20 progress names the peers that send and receive since the work began', (t) => {
  const status = (...traffic: [peer: string, into: number, out: number][]): StatusAnswer =>
    ({
      global: { peer: 'G', address: '/ip4/127.0.0.1/tcp/1/p2p/G' },
      traffic: traffic.map(([peer, valueBytesIn, valueBytesOut]) => ({
        peer,
        valueBytesIn,
        valueBytesOut,
      })),
    }) as unknown as StatusAnswer
  const before = status(['G', 5, 5], ['A', 7, 0])
  t.is(peersText(before, before), '')
  t.is(peersText(before, status(['G', 6, 5], ['A', 7, 0])), 'from Global')
  t.is(peersText(before, status(['G', 5, 9], ['A', 7, 0])), 'to Global')
  const all = status(['G', 6, 5], ['A', 8, 0], ['B', 1, 1])
  t.is(peersText(before, all), 'from Global and 2 Locals, to 1 Local')
})
