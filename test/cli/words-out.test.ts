/** What a command says of its work and of its failures, to a terminal and to a program. */
import { test } from '../serial.ts'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ExecutionContext } from 'ava'
import { readFileSync, writeFileSync } from 'node:fs'
import { parse } from 'yaml'
import { textOnly } from '../../cli/delivery/value-output.ts'
import { DstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key, parseKey } from '../../src/hash/key.ts'
import type { FakeNode } from '../daemon/fake-node.ts'
import { serving } from '../daemon/serving.ts'
import { Place } from './command.ts'
import { inTerminal } from './in-terminal.ts'

async function scene(t: ExecutionContext): Promise<{
  readonly place: Place
  readonly node: FakeNode
  readonly store: (value: Uint8Array | string) => string
}> {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const store = (value: Uint8Array | string): string => {
    const bytes = Buffer.from(value)
    const key = new Key(hash(bytes).digest).toString()
    node.values.set(key, bytes)
    return key
  }
  return { place, node, store }
}

const BINARY = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 200, 201)

test('R007-440 what is not text goes to a terminal only with -o -', async (t) => {
  const { place, store } = await scene(t)
  const [binary, text] = [store(BINARY), store('grüße\n')]
  const refused = await inTerminal(place, `dstore get ${binary}`)
  t.is(refused.exit, 2)
  t.is(
    refused.shown,
    'dstore: the value is not text, and standard output is a terminal\n' +
      'hint: write it to a file with -o FILE, or to the terminal all the same with -o -\n',
  )
  t.is((await inTerminal(place, `dstore get ${binary} --range 4-`)).exit, 2)
  const insisted = await inTerminal(place, `dstore get ${binary} -o -`)
  t.deepEqual([insisted.exit, insisted.shown], [0, Buffer.from(BINARY).toString('latin1')])
  const shown = await inTerminal(place, `dstore get ${text}; dstore get ${text} --range 3-3`)
  const half = Buffer.concat([Buffer.from('grüße\n'), Uint8Array.of(0xbc)])
  t.deepEqual([shown.exit, shown.shown], [0, half.toString('latin1')])
  const piped = await inTerminal(place, `dstore get ${binary} | wc -c; dstore get ${binary} > f`)
  t.deepEqual([piped.exit, piped.shown.trim()], [0, '9'])
  t.is((await inTerminal(place, 'dstore export')).exit, 2)
  t.is((await inTerminal(place, 'dstore export -o - > /dev/null')).exit, 0)
})

test('R007-459 names turn no direction on a terminal, and are as they are in a pipe', async (t) => {
  const { place, store, node } = await scene(t)
  const key = store('value')
  const name = 'a/\u202egpj.exe\u2066'
  const shown = String.raw`a/\u202egpj.exe\u2066`
  await node.bind(name, parseKey(key))
  for (const command of ['ls', 'ls --sort size', 'ls -l']) {
    const listed = await inTerminal(place, `dstore ${command}`)
    t.true(listed.shown.includes(shown), `${command}: ${listed.shown}`)
  }
  const piped = await inTerminal(place, 'dstore ls | cat')
  t.is(Buffer.from(piped.shown, 'latin1').toString(), `${name}\n`)
  const json = await inTerminal(place, 'dstore ls --json')
  t.is((JSON.parse(Buffer.from(json.shown, 'latin1').toString()) as { name: string }).name, name)
  const missing = await inTerminal(place, "dstore get $'x\\u202ey' > /dev/null")
  t.regex(missing.shown, /x\\u202ey/)
})

test('R007-459 a file with such a name is shown so beside its key', async (t) => {
  const { place } = await scene(t)
  const files = ['a\u202eb', 'c'].map((name) => {
    writeFileSync(place.file(name), name)
    return place.file(name)
  })
  const shown = await inTerminal(place, `dstore cid ${files.map((one) => `'${one}'`).join(' ')}`)
  t.true(shown.shown.includes(String.raw`a\u202eb`), shown.shown)
})

/** What is written of these pieces; undefined if they are refused. */
async function written(...pieces: (Uint8Array | string)[]): Promise<string | undefined> {
  const passed: Uint8Array[] = []
  const output = textOnly({
    write: (bytes) => Promise.resolve(void passed.push(bytes.slice())),
    commit: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  })
  try {
    for (const piece of pieces) await output.write(Buffer.from(piece))
    await output.commit()
    return Buffer.concat(passed).toString()
  } catch {
    return passed.length === 0 ? undefined : 'refused too late'
  }
}

test('R007-440 text is told by its first bytes, however they arrive', async (t) => {
  const colours = '\u001b[1mbold\u001b[0m\ttab\r\n'
  t.is(await written(colours), colours)
  t.is(await written(), '')
  t.is(await written('a\0'), undefined)
  t.is(await written('a', Uint8Array.of(0)), undefined)
  t.is(await written(Uint8Array.of(0xff, 0xfe)), undefined)
  const long = 'ü'.repeat(5000)
  t.is(
    await written('x', ...long.split('')),
    `x${long}`,
    'a character on the bound of what is looked at',
  )
  t.is(await written(long, Uint8Array.of(0)), `${long}\0`, 'what comes later is not looked at')
})

const ajv = new Ajv2020({ strict: false })
const { failure } = parse(readFileSync('specs/documents.yaml', 'utf8')) as { failure: object }
const isFailure = ajv.compile(failure)

test('R007-441 a failure with --json is a document, of every command and of bad usage', async (t) => {
  const { place } = await scene(t)
  writeFileSync(place.file('a'), 'a')
  const failures = async (...args: string[]): Promise<object[]> => {
    const { stderr } = await place.run([...args, '--json', '--quiet'])
    const found = stderr
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { error: object })
    for (const one of found) t.true(isFailure(one), JSON.stringify(one))
    return found.map(({ error }) => error)
  }
  const [missing] = await failures('put', 'a', 'nothing')
  t.like(missing, { code: 'unreadable', retry: false, argument: 'nothing' })
  t.like((await failures('rm', 'nobody'))[0], { code: 'not-found', argument: undefined })
  t.like((await failures('status', '--nonsense'))[0], { code: 'usage' })
  t.like((await failures('get', 'nobody'))[0], { code: 'usage' })
  t.like((await failures('statsu'))[0], { code: 'usage', hint: 'did you mean `dstore status`?' })
  const prose = await place.run(['rm', 'nobody', '--', '--json'])
  t.regex(prose.stderr, /^dstore: /)
})

test('R007-28 a transfer that an admin cancelled is an error that is told', async (t) => {
  const { place, node } = await scene(t)
  const { stdout } = await place.run(['put', '-'], { input: 'cancelled' })
  node.prefetch = () => Promise.reject(new DstoreError('cancelled', 'an admin cancelled it'))
  const { exit, stderr } = await place.run(['prefetch', stdout.toString().trim()])
  t.is(exit, 130)
  t.is(stderr, 'dstore: an admin cancelled it\n')
})

test('R007-442 verify --json sums up in its last line', async (t) => {
  const { place } = await scene(t)
  const { stdout, stderr } = await place.run(['verify', '--json'])
  t.like(JSON.parse(stdout.toString()), { event: 'done', damaged: 0 })
  t.is(stderr, '')
})
