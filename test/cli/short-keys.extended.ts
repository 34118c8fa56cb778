/** Pasted and short keys at every command that reads, with a node of its own. */
import { test } from '../serial.ts'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { Place } from './command.ts'

/** Values whose keys have the same first 8 characters of their own, and whose digests 8 digits. */
const ALIKE = ['29151', '57126'] as const
const ALIKE_IN_HEX = ['41092', '52490'] as const

const keyOf = (value: string): string => new Key(hash(Buffer.from(value)).digest).toString()
const hexOf = (value: string): string => new Key(hash(Buffer.from(value)).digest).toHex()

test('R007-430, R007-431, R007-432 what reads takes pasted and short keys, what changes does not', async (t) => {
  const place = new Place(t)
  await place.run(['start', '--standalone'])
  const put = async (value: string, ...args: string[]): Promise<string> => {
    const { exit, stdout, stderr } = await place.run(['put', '-', ...args], { input: value })
    t.is(exit, 0, stderr)
    return stdout.toString().trim()
  }
  for (const value of [...ALIKE, ...ALIKE_IN_HEX]) await put(value)
  const key = await put('hello')
  mkdirSync(place.file('d/sub'), { recursive: true })
  writeFileSync(place.file('d/sub/a b'), 'below')
  const folder = (await place.run(['put', 'd'])).stdout.toString().trim()
  const short = key.slice(0, 15)
  const shortFolder = folder.slice(0, 15)

  const reads = async (text: string, value: string, ...more: string[]): Promise<void> => {
    const { exit, stdout, stderr } = await place.run(['get', text, ...more])
    t.is(stdout.toString(), value, `${text}: ${stderr}`)
    t.is(exit, 0)
  }
  const digits = hexOf('hello').slice(0, 8)
  for (const text of [short, `${short}...`, short.toUpperCase(), digits, `ipfs://${key}`]) {
    await reads(text, 'hello')
  }
  for (const text of [` ${key}\n`, `"${key}"`, `https://ipfs.io/ipfs/${key}?x`]) {
    await reads(text, 'hello')
  }
  await reads(`ipfs://${folder}/sub/a%20b`, 'below')
  await reads(`${shortFolder}/sub/a b`, 'below')
  await reads(short, 'ell', '--range', '1-3')
  t.is((await place.run(['get', shortFolder, '-o', 'got'])).exit, 0)
  t.is(readFileSync(place.file('got/sub/a b'), 'utf8'), 'below')
  t.is((await place.run(['get', short, '-o', 'got.txt'])).exit, 0)
  t.is(readFileSync(place.file('got.txt'), 'utf8'), 'hello')
  const words = [short, shortFolder, `/ipfs/${key}`]
  t.is((await place.run(['get', ...words, '--output-dir', 'all'])).exit, 0)
  t.deepEqual(readdirSync(place.file('all')).toSorted(), [key, folder].toSorted())

  for (const command of ['has', 'stat', 'prefetch', 'evict']) {
    t.is((await place.run([command, ...words])).exit, 0, command)
  }
  const has = await place.run(['has', '--json', short, `ipfs://${folder}/sub`])
  t.is(has.stdout.toString(), `{"key":"${key}","has":true}\n{"path":"${folder}/sub","has":true}\n`)
  t.regex((await place.run(['stat', short])).stdout.toString(), new RegExp(`^key +${key}\n`))
  t.is((await place.run(['ls', shortFolder])).stdout.toString(), 'sub/\n')
  t.is((await place.run(['ls', '--tree', `ipfs://${folder}`])).stdout.toString(), 'sub/\n  a b\n')
  const path = (await place.run(['path', short])).stdout.toString().trim()
  t.is(readFileSync(path, 'utf8'), 'hello')
  t.is((await place.run(['export', short, '-o', 'one.tar'])).exit, 0)

  // Several keys, none, and too few characters.
  const [one, other] = ALIKE.map(keyOf)
  const many = await place.run(['get', one!.slice(0, 15)])
  t.is(many.exit, 2)
  t.is(one!.slice(0, 15), other!.slice(0, 15))
  for (const candidate of [one!, other!]) t.true(many.stderr.includes(candidate), many.stderr)
  await reads(one!.slice(0, 20), ALIKE[0])
  t.is((await place.run(['has', hexOf(ALIKE_IN_HEX[0]).slice(0, 8)])).exit, 2)
  await reads(hexOf(ALIKE_IN_HEX[1]).slice(0, 9), ALIKE_IN_HEX[1])
  t.like(await place.run(['has', 'bafkr4iaaaaaaaaa']), { exit: 1, stderr: '' })
  const none = await place.run(['get', 'bafkr4iaaaaaaaaa'])
  t.is(none.exit, 3)
  t.regex(none.stderr, /hint: no key begins like this/)
  t.is((await place.run(['get', key.slice(0, 14)])).exit, 3)
  // One that fails costs no other.
  const some = await place.run(['get', short, one!.slice(0, 15), '--output-dir', 'some'])
  t.is(some.exit, 8)
  t.deepEqual(readdirSync(place.file('some')), [key])

  for (const args of [
    ['rm', short],
    ['rm', `ipfs://${key}`],
    ['rm', digits],
    ['tag', 'moving', short],
    ['tag', 'moving', `ipfs://${key}`],
    ['name', 'fixed', short],
  ]) {
    const { exit, stderr } = await place.run(args)
    t.is(exit, 3, args.join(' '))
    t.regex(stderr, /hint: /, args.join(' '))
  }
  t.is((await place.run(['ls'])).stdout.toString(), '')

  // A name of that spelling wins, and so does a directory that has one.
  for (const [i, name] of [short, digits, `ipfs://${key}`, `"${key}"`].entries()) {
    await put(`named ${i}`, '--name', name)
    await reads(name, `named ${i}`)
    t.is(
      (await place.run(['stat', '--json', name])).stdout.toString().match(/named|size":7/)?.[0],
      'size":7',
    )
  }
  t.is((await place.run(['put', 'd', '--name', 'deadbeef01'])).exit, 0)
  await reads('deadbeef01/sub/a b', 'below')
  t.is((await place.run(['rm', digits])).exit, 0)
  await reads(digits, 'hello')
})
