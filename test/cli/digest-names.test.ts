import { test } from '../serial.ts'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { digestName } from '../../src/hash/foreign-digest.ts'
import { Place } from './command.ts'

const digestOf = (text: string): string =>
  digestName('sha2-256', createHash('sha256').update(text).digest())

test('R007-349 cid --digest prints the names of files, and refuses folders and other hashes', async (t) => {
  const place = new Place(t)
  writeFileSync(place.file('a'), 'one')
  writeFileSync(place.file('b'), '')
  mkdirSync(place.file('folder'))
  const both = await place.run(['cid', '--digest', 'sha2-256', 'a', 'b'])
  t.is(both.stdout.toString(), `${digestOf('one')}\n${digestOf('')}\n`)
  const piped = await place.run(['cid', '--digest', 'sha2-512', '-', '--json'], { input: 'one' })
  t.deepEqual(JSON.parse(piped.stdout.toString()), {
    file: '-',
    name: digestName('sha2-512', createHash('sha512').update('one').digest()),
    size: 3,
  })
  const mixed = await place.run(['cid', '--digest', 'sha2-256', 'folder', 'a'])
  t.is(mixed.stdout.toString(), `${digestOf('one')}\n`)
  t.not(mixed.exit, 0)
  const other = await place.run(['cid', '--digest', 'md5', 'a'])
  t.is(other.exit, 2)
  t.regex(other.stderr, /no such hash: md5\nhint: .*sha2-256, sha2-384 and sha2-512/)
})

test('R004-165 R004-168: a file is put, found and listed by its digest, and no other is', async (t) => {
  const place = new Place(t)
  writeFileSync(place.file('a'), 'one')
  const name = digestOf('one')
  t.is((await place.run(['put', 'a', '--name', name])).exit, 0)
  t.is((await place.run(['get', name])).stdout.toString(), 'one')
  t.is((await place.run(['ls'])).stdout.toString(), '')
  t.regex((await place.run(['ls'])).stderr, /no names but those that spell digests/)
  t.is((await place.run(['ls', 'mh/'])).stdout.toString(), `${name}\n`)
  const wrong = await place.run(['put', '-', '--name', digestOf('two')], { input: 'other' })
  t.is(wrong.exit, 2)
  t.regex(wrong.stderr, new RegExp(`hint: the name of these bytes is ${digestOf('other')}\n`))
  const key = (await place.run(['cid', 'a'])).stdout.toString().trim()
  const misnamed = await place.run(['name', digestOf('two'), key])
  t.is(misnamed.exit, 2)
  t.regex(misnamed.stderr, new RegExp(`hint: the name of these bytes is ${name}\n`))
  for (const command of [
    ['name', name.replace('mh/b', 'mh/'), key],
    ['tag', digestOf('two'), key],
    ['put', 'a', '--tag', digestOf('two')],
    ['tag', name, key],
  ]) {
    const refused = await place.run(command)
    t.is(refused.exit, 2, `${command.join(' ')}: ${refused.stderr}`)
  }
  t.is((await place.run(['rm', name])).exit, 0)
  t.is((await place.run(['ls', 'mh/'])).stdout.toString(), '')
})
