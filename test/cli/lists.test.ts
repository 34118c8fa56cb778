/** `ls -l`, its choices, `du` and `df`, with a node of its own. */
import { test } from '../serial.ts'
import { mkdirSync, writeFileSync } from 'node:fs'
import { chosen, choiceOf } from '../../cli/commands/lists/order.ts'
import { Place } from './command.ts'

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`

test('R007-314 R007-315 R007-317 R007-318 ls of names with facts, by pattern and size; du and df', async (t) => {
  const place = new Place(t)
  await place.run(['start', '--standalone', '--max-size', '1GiB'])
  const put = async (size: number, ...args: string[]): Promise<void> => {
    writeFileSync(place.file('f'), Buffer.alloc(size, String(size)))
    t.is((await place.run(['put', 'f', ...args])).exit, 0)
  }
  await put(300, '--name', 'models/v1/weights.bin')
  await put(20, '--name', 'models/v1/config.json')
  await put(1000, '--tag', 'models/latest', '--expires', '1h')
  await put(4, '--name', 'notes')
  await put(7)
  mkdirSync(place.file('folder'))
  writeFileSync(place.file('folder/f'), Buffer.alloc(7, '7'))
  t.is((await place.run(['put', 'folder', '--name', 'models/tree'])).exit, 0)
  const ls = async (...args: string[]): Promise<string> => {
    const { exit, stdout, stderr } = await place.run(['ls', ...args])
    t.is(exit, 0, stderr)
    return stdout.toString()
  }

  const [latest, tree, config] = (await ls('-l')).split('\n')
  t.regex(latest!, new RegExp(`^- tag   {10}1000  ${TIME}  ${TIME}  models/latest$`))
  t.regex(tree!, new RegExp(`^d fixed {13}7  ${TIME}  - {21}models/tree$`))
  t.regex(config!, new RegExp(`^- fixed {12}20  ${TIME}  - {21}models/v1/config.json$`))
  t.regex(await ls('-l', 'models/tree'), /^d fixed .* models\/tree\n$/)
  t.regex(await ls('-l', 'models/tree/'), /^- +7 {2}f\n$/)

  t.is(await ls('--match', '*.bin'), 'models/v1/weights.bin\n')
  t.is(await ls('models/', '--match', 'models/*'), 'models/latest\nmodels/tree\n')
  t.is(await ls('--limit', '2'), 'models/latest\nmodels/tree\n')
  t.is(
    await ls('--sort', 'size', '--limit', '3'),
    'models/latest\nmodels/v1/weights.bin\nmodels/v1/config.json\n',
  )
  t.is(await ls('--sort', 'time', '--limit', '2'), 'models/tree\nnotes\n')
  const [first] = (await ls('--json', '--sort', 'size', '--limit', '1')).split('\n')
  t.like(JSON.parse(first!), { name: 'models/latest', kind: 'tag', size: 1000 })
  t.like(await place.run(['ls', '--match', '*.none']), {
    exit: 0,
    stderr: 'no name matches *.none\n',
  })
  for (const args of [
    ['--limit', '0'],
    ['--sort', 'age'],
    ['--match', '['],
    ['--keys', '-l'],
    ['--keys', '--limit', '1'],
    ['models/tree/', '--limit', '1'],
    ['--tree', 'models/tree', '--match', '*'],
    ['--tree'],
  ]) {
    t.is((await place.run(['ls', ...args])).exit, 2, args.join(' '))
  }

  const du = await place.run(['du', 'models/'])
  t.is(
    du.stdout.toString(),
    '            320         2  models/v1/\n           1327         4  total\n',
  )
  const all = await place.run(['du', '--json'])
  t.is(
    all.stdout.toString(),
    '{"prefix":"models/","names":4,"size":1327}\n{"prefix":"","names":5,"size":1331}\n',
  )
  t.like(await place.run(['du', 'none']), { exit: 0, stderr: 'no name begins with none\n' })
  t.is((await place.run(['du', '--sort', 'time'])).exit, 2)
  t.is((await place.run(['du', '0'.repeat(64)])).exit, 2)

  const df = await place.run(['df'])
  t.regex(
    df.stdout.toString(),
    /^stored {8}6 values, .*\nquota {9}1GiB\nstill fits {4}.*\nwithout name {2}1 value, 7B\nunfinished {4}0B\n$/,
  )
})

test('R007-315 the first of an order are kept, however many there are', async (t) => {
  async function* numbers(): AsyncGenerator<{ n: number; at: number }> {
    for (let at = 0; at < 5000; at++) yield { n: (at * 7919) % 100, at }
    await Promise.resolve()
  }
  const compare = (a: { n: number }, b: { n: number }): number => b.n - a.n
  const all = await chosen(numbers(), compare)
  t.is(all.length, 5000)
  for (const limit of [1, 49, 120, 5000, 9000]) {
    t.deepEqual(await chosen(numbers(), compare, limit), all.slice(0, limit))
  }
  t.true(all.every((one, i) => i === 0 || one.n < all[i - 1]!.n || one.at > all[i - 1]!.at))
  t.deepEqual(choiceOf({}), { match: undefined, limit: undefined, sort: undefined })
  t.is(choiceOf({ sort: 'name' }).sort, undefined)
})
