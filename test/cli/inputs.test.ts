/** Texts that a command reads whole, and waits for them: bounded, and ended by a signal. */
import { test } from '../serial.ts'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { openInput } from '../../cli/input/input.ts'
import { readIgnoreFile } from '../../cli/tree/put-folder.ts'
import { eventually } from '../eventually.ts'
import { outcome, Place } from './command.ts'
import { inTerminal } from './in-terminal.ts'

/** Does the process handle SIGHUP? Node does not by itself. */
const isInterruptible = (pid: number): boolean => {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!
  return (Number.parseInt(caught.at(-1)!, 16) & 1) === 1
}

test('R007-28 a signal ends a command that waits for its input', async (t) => {
  const place = new Place(t)
  mkdirSync(place.file('folder'))
  const waiting = [
    ['cid', '-'],
    ['cid', '-', '--digest', 'sha2-256'],
    ['cid', 'folder', '--ignore-file', '-'],
    ['has', '--files-from', '-'],
    ['put', '--files-from', '-'],
    ['join', '--with-data'],
  ]
  const ends = waiting.map(async (args) => {
    const child = place.start(args)
    const ended = outcome(child)
    t.teardown(() => child.kill('SIGKILL'))
    await eventually(() => isInterruptible(child.pid!))
    child.kill('SIGHUP')
    const { exit, stdout, stderr } = await ended
    t.deepEqual([exit, stdout.toString(), stderr], [129, '', ''], args.join(' '))
  })
  await Promise.all(ends)
})

test('R007-28 a signal ends the wait for the writer of a pipe', async (t) => {
  const pipe = new Place(t).file('pipe')
  execFileSync('mkfifo', [pipe])
  const cancelling = new AbortController()
  const opened = openInput(pipe, cancelling.signal).then(async ({ bytes }) => readAll(bytes))
  cancelling.abort(new Error('Ctrl-C'))
  await t.throwsAsync(opened, { message: 'Ctrl-C' })
  await t.throwsAsync(openInput(pipe, cancelling.signal), { message: 'Ctrl-C' })
})

async function readAll(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of bytes);
}

test('R007-200 a text that is read whole has a bound, and may begin with a mark', async (t) => {
  const place = new Place(t)
  mkdirSync(place.file('folder'))
  for (const args of [
    ['has', '--files-from', '/dev/zero'],
    ['cid', 'folder', '--ignore-file', '/dev/zero'],
  ]) {
    const { exit, stderr } = await place.run(args)
    t.is(stderr, 'dstore: /dev/zero has more than 256MiB of text\n')
    t.is(exit, 7)
  }
  writeFileSync(place.file('patterns'), '\ufeff*.log\n')
  const { signal } = new AbortController()
  const rules = (await readIgnoreFile(place.file('patterns'), signal))!
  t.true(rules.ignores('a.log', false))
})

test('R007-445 the name of a file moves no cursor, where a person reads it', async (t) => {
  const place = new Place(t)
  writeFileSync(place.file('two\nlines'), 'a')
  writeFileSync(place.file('red\u001b[31m'), 'a')
  for (const command of ['cid', 'put']) {
    const { shown } = await inTerminal(place, `dstore ${command} -q two* red*`)
    const names = shown
      .trim()
      .split('\n')
      .map((line) => line.replace(/^bafkr4i\w+ {2}/, ''))
    t.deepEqual(names, ['"two\\nlines"', String.raw`"red\u001b[31m"`], command)
  }
})
