/**
 * What users see. A transcript holds commands (`$ `) with their output on stdout (`| `) and stderr
 * (`! `), and their exit code if it is not 0; text after a blank line is prose.
 * `DSTORE_TRANSCRIPTS=write` rewrites the files: read the difference before you commit it.
 */
import { test } from '../serial.ts'
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { BUNDLE, Place, outcome } from './command.ts'
import type { Outcome } from './command.ts'

const FOLDER = join('test', 'transcripts')
const isWriting = process.env['DSTORE_TRANSCRIPTS'] === 'write'

/** Text that differs between runs, and its placeholder. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/process( +)\d+/g, 'process$1PID'],
  [/"pid":\d+/g, '"pid":PID'],
  [/pid=\d+/g, 'pid=PID'],
  [/"residentBytes":\d+/g, '"residentBytes":BYTES'],
  [/TIME, [\d.]+MiB/g, 'TIME, BYTES'],
  [/\([\d.]+ms\)/g, '(TIME)'],
  [/round trip [\d.]+ms/g, 'round trip TIME'],
  [/"leftMs":\d+/g, '"leftMs":TIME'],
  [/"roundTripMs":[\d.]+/g, '"roundTripMs":TIME'],
  [/room for [\d.]+\wiB/g, 'room for SIZE'],
  [/"headroomBytes":\d+/g, '"headroomBytes":BYTES'],
  [/12D3Koo\w+/g, 'PEER'],
  [/[0-9a-f]{32}-(?=\d)/g, 'RUN-'],
  [/127\.0\.0\.1:[1-9]\d*/g, '127.0.0.1:PORT'],
  [/(bulk port +)\d+/g, '$1PORT'],
  [/127\.0\.0\.1\/tcp\/[1-9]\d*/g, '127.0.0.1/tcp/PORT'],
  // On a busy machine a peer that is refused is still connected after `ADMISSION_MS`.
  [/(\| refused .*), \d+ late/g, '$1'],
  // Another process of this machine may take that port first.
  [/^! TIME warn the default port of lanes is taken.*\n?/gm, ''],
]

function shown(place: Place, { exit, stdout, stderr }: Outcome): string {
  const lines = (text: string, before: string): string[] =>
    text === ''
      ? []
      : text
          .replace(/\n$/, '')
          .split('\n')
          .map((line) => (before + line).trimEnd())
  let text = [...lines(stdout.toString(), '| '), ...lines(stderr, '! ')].join('\n')
  text = text.replaceAll(place.path, 'DIR')
  for (const [pattern, word] of VOLATILE) text = text.replace(pattern, word)
  const all = [text, exit === 0 ? '' : `exit ${exit}`].filter((part) => part !== '')
  return all.map((part) => `${part}\n`).join('')
}

/** The prose after a command: everything from the first blank line on. */
function proseAfter(block: string): string {
  const at = block.indexOf('\n\n')
  return at === -1 ? '' : block.slice(at + 1)
}

/**
 * The command with the keys of files written out. `dstore cid` has lines of its own; as a part of
 * other commands it would be a process each time.
 */
function withKeys(place: Place, command: string): string {
  const keyOf = (bytes: Uint8Array): string => new Key(hash(bytes).digest).toString()
  return command
    .replaceAll(/\$\(dstore cid ([\w.]+)\)/g, (_, file: string) =>
      keyOf(readFileSync(place.file(file))),
    )
    .replaceAll(/\$\(printf '(\w+)' \| dstore cid -\)/g, (_, text: string) =>
      keyOf(Buffer.from(text)),
    )
}

for (const name of readdirSync(FOLDER).filter((one) => one.endsWith('.txt'))) {
  test(`R007-23 R007-24 transcript ${name}`, async (t) => {
    const place = new Place(t)
    const bin = place.file('bin')
    mkdirSync(bin)
    writeFileSync(join(bin, 'dstore'), `#!/bin/sh\nexec '${process.execPath}' '${BUNDLE}' "$@"\n`)
    chmodSync(join(bin, 'dstore'), 0o755)
    const env = { ...place.env(), PATH: `${bin}:${process.env['PATH']}` }

    const path = join(FOLDER, name)
    const expected = readFileSync(path, 'utf8')
    let actual = ''
    for (const block of expected.split(/^(?=\$ )/m)) {
      if (!block.startsWith('$ ')) {
        actual += block
        continue
      }
      const command = block.slice(2, block.indexOf('\n'))
      const run = async (): Promise<string> => {
        const child = spawn('sh', ['-c', withKeys(place, command)], {
          cwd: place.path,
          env,
          stdio: ['ignore', 'pipe', 'pipe'],
          // A loop that waits for what never comes ends the test, not the whole run.
          timeout: 120_000,
        })
        return `$ ${command}\n${shown(place, await outcome(child))}${proseAfter(block)}`
      }
      const end = performance.now() + 60_000
      let now = await run()
      // A node hears from others a moment later what its status shows.
      if (!isWriting && command.startsWith('dstore status')) {
        while (now !== block && performance.now() < end) now = await run()
      }
      actual += now
    }
    if (isWriting) writeFileSync(path, actual)
    else t.is(actual, expected)
    t.true(actual.includes('$ dstore'))
  })
}
