import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { test } from '../serial.ts'
import { outcome, Place, type Outcome } from './command.ts'
import { fill } from '../tree/folder.ts'
import { eventually } from '../eventually.ts'

const SMALL = {
  'b/two': '2',
  run: { exec: '#!/bin/sh\n' },
  a: { to: 'b/two' },
  empty: null,
}

interface Stored {
  readonly file: string
  readonly key: string
  readonly totalSize: number
  readonly files: number
  readonly existed: boolean
  readonly sentFiles: number
  readonly sentBytes: number
}

const stored = ({ stdout }: Outcome): Stored => JSON.parse(stdout.toString()) as Stored

test('R007-240 put takes folders and files, and prints a key of each in order', async (t) => {
  const place = new Place(t)
  fill(place.path, { ...prefixed('one', SMALL), ...prefixed('two', { x: 'x' }), file: 'f' })
  const put = await place.run(['put', 'one', 'file', 'two', '--quiet'])
  t.is(put.exit, 0, put.stderr)
  t.is(put.stderr, '')
  const keys = put.stdout.toString().split('\n')
  t.regex(keys[0]!, /^bafyr4i/)
  t.regex(keys[1]!, /^bafkr4i/)
  t.regex(keys[2]!, /^bafyr4i/)
  t.deepEqual([keys[3], keys.length], ['', 4])

  const got = await place.run(['get', keys[0]!, '-o', 'copy'])
  t.is(got.exit, 0, got.stderr)
  execFileSync('diff', ['-r', '--no-dereference', place.file('one'), place.file('copy')])

  const bad = await place.run(['put', 'one', 'nothing', 'two'])
  t.is(bad.exit, 8)
  t.is(bad.stdout.toString(), `${keys[0]}\n${keys[2]}\n`)
  const named = await place.run(['put', 'one', 'two', '--name', 'n'])
  t.is(named.exit, 2)
})

test('R007-240 a name is bound in the same change, and a second folder does not get it', async (t) => {
  const place = new Place(t)
  fill(place.path, { ...prefixed('one', SMALL), 'two/x': 'x' })
  const put = await place.run(['put', 'one', '--name', 'models/v1'])
  t.is(put.exit, 0, put.stderr)
  const listed = await place.run(['ls'])
  t.is(listed.stdout.toString(), 'models/v1\n')
  t.is((await place.run(['put', 'one', '--name', 'models/v1'])).exit, 0)
  const before = (await place.run(['ls', '--keys'])).stdout.toString()
  const other = await place.run(['put', 'two', '--name', 'models/v1'])
  t.is(other.exit, 9)
  t.regex(other.stderr, /^dstore: the name models\/v1 is bound to bafyr4i/)
  t.is((await place.run(['ls', '--keys'])).stdout.toString(), before)
})

test('R007-244 a second version sends the changed file and the directories above it', async (t) => {
  const place = new Place(t)
  for (let one = 0; one < 40; one++) fill(place.path, { [`tree/d${one % 4}/f${one}`]: `${one}` })
  writeFileSync(place.file('tree/large'), randomBytes(100_000))
  const first = stored(await place.run(['put', 'tree', '--json']))
  t.deepEqual([first.files, first.sentFiles, first.existed], [41, 41, false])
  t.true(first.sentBytes > first.totalSize)
  fill(place.path, { 'tree/d1/f5': 'changed' })
  const second = stored(await place.run(['put', 'tree', '--json']))
  t.is(second.sentFiles, 1)
  // The file, the value of its folder with ten entries, and that of the root with five.
  t.true(second.sentBytes < 1500, String(second.sentBytes))
  const again = await place.run(['put', 'tree', '--json', '--verbose', '--timeout', '9s'])
  t.regex(again.stderr, /^POST \/v1\/trees\?timeout=9000&hold=[0-9a-f]{32} 200/m)
  const third = stored(again)
  t.deepEqual([third.existed, third.sentFiles, third.sentBytes], [true, 0, 0])
  t.is(third.key, second.key)
})

test('R007-241 --follow and --ignore-file say what is stored', async (t) => {
  const place = new Place(t)
  fill(place.path, {
    'blobs/1': 'one',
    'snap/model': { to: '../blobs/1' },
    'snap/notes.txt': 'n',
    'snap/.cache/x': 'x',
    ignore: '*.txt\n.cache/\n',
  })
  const refused = await place.run(['put', 'snap'])
  t.is(refused.exit, 2)
  t.regex(refused.stderr, /^dstore: snap\/model is a link .*\.\.\/blobs\/1\nhint: .*--follow/m)
  const put = await place.run(['put', 'snap', '--follow', '--ignore-file', 'ignore'])
  t.is(put.exit, 0, put.stderr)
  fill(place.path, { 'same/model': 'one' })
  t.deepEqual((await place.run(['put', 'same'])).stdout, put.stdout)

  const missing = await place.run(['put', 'snap', '--ignore-file', 'nowhere', '--no-start'])
  t.is(missing.exit, 1)
  t.regex(missing.stderr, /^dstore: cannot read nowhere/)
  writeFileSync(place.file('latin'), Buffer.of(0x66, 0xe9))
  const latin = await place.run(['put', 'snap', '--ignore-file', 'latin'])
  t.is(latin.exit, 2)
})

test('R007-242 keys are remembered in the state directory, and a put does without', async (t) => {
  const place = new Place(t)
  fill(place.path, { 'tree/x': 'x' })
  await place.run(['put', 'tree'])
  const cache = `${place.state}/stat-cache`
  t.is(readdirSync(cache).length, 1)
  chmodSync(cache, 0)
  t.is((await place.run(['put', 'tree'])).exit, 0)
  chmodSync(cache, 0o700)
  t.is(readdirSync(cache).length, 1)
})

test('R007-243 Ctrl-C ends the put of a folder, and a repeat sends only the rest', async (t) => {
  const place = new Place(t)
  mkdirSync(place.file('tree'))
  // More than is in flight at a time.
  for (let one = 0; one < 40; one++) {
    writeFileSync(place.file(`tree/${one}`), Buffer.alloc(3_000_000, String(one)))
  }
  await place.run(['start'])
  const values = async (): Promise<number> => {
    const { stdout } = await place.run(['status', '--json'])
    const { store } = JSON.parse(stdout.toString()) as { store: { values: number } }
    return store.values
  }
  const child = place.start(['put', 'tree', '--name', 'stopped'])
  const ended = outcome(child)
  // It stands still while it is looked at, so that it cannot end meanwhile.
  await eventually(async (saw) => {
    child.kill('SIGSTOP')
    const count = saw(await values())
    if (count > 2) child.kill('SIGINT')
    child.kill('SIGCONT')
    return count > 2
  })
  const { exit, stdout, stderr } = await ended
  t.is(exit, 130, stderr)
  t.is(stdout.toString(), '')
  t.regex(stderr, /^stopped; repeat the put to resume/m)
  t.is((await place.run(['ls'])).stdout.toString(), '')
  const again = stored(await place.run(['put', 'tree', '--name', 'stopped', '--json']))
  t.true(again.sentFiles < 40, String(again.sentFiles))
  t.is((await place.run(['get', 'stopped', '-o', 'copy'])).exit, 0)
  execFileSync('diff', ['-r', place.file('tree'), place.file('copy')])
})

test('R008-41 a folder with a socket stores nothing, and says which', async (t) => {
  const place = new Place(t)
  fill(place.path, { 'tree/a': 'a' })
  await place.run(['start'])
  symlinkSync('a', place.file('tree/link'))
  execFileSync('mkfifo', [place.file('tree/z')])
  const put = await place.run(['put', 'tree', '--json'])
  t.is(put.exit, 2)
  const error = {
    code: 'usage',
    message: 'tree/z is a pipe',
    retry: false,
    hint: 'a directory holds only files, folders and links; leave it out with --ignore-file',
  }
  t.is(put.stderr, `${JSON.stringify({ error })}\n`)
  t.is(put.stdout.toString(), '')
  t.is((await place.run(['ls', '--keys'])).stdout.toString(), '')
})

function prefixed<T>(folder: string, contents: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(contents).map(([name, one]) => [`${folder}/${name}`, one]),
  )
}
