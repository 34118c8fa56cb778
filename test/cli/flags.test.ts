/** Flags that are given in vain: empty paths, values that another one replaces. */
import { test } from '../serial.ts'
import { COMMANDS } from '../../cli/commands.ts'
import { parseFlags } from '../../cli/parse-flags.ts'
import { Place } from './command.ts'

const parse = (command: string, ...args: string[]): ReturnType<typeof parseFlags> =>
  parseFlags(command, COMMANDS[command]!.flags, args)

test('R007-456 a flag that takes one value is not given two', (t) => {
  t.throws(() => parse('put', 'f', '--name', 'a', '--name=b'), {
    code: 'usage',
    message: 'put: --name is given twice, and takes one value',
  })
  t.throws(() => parse('get', 'a', '-o', 'x', '--output', 'y'), { code: 'usage' })
  t.like(parse('put', 'f', '--name', 'a', '--name', 'a').flags, { name: 'a' })
  t.like(parse('put', 'f', '--json', '--json').flags, { json: true })
  t.like(parse('put', 'f', '--dir', 'a', '--timeout', '1s', '--dir', 'b').flags, { dir: 'b' })
  t.deepEqual(parse('start', '--pin', 'a', '--pin', 'b').flags.pin, ['a', 'b'])
})

test('R007-456 a path that is empty is not the working directory', async (t) => {
  for (const flag of ['--dir', '--socket', '--output', '--output-dir', '--files-from']) {
    const message = `get: ${flag} is empty`
    t.throws(() => parse('get', 'a', `${flag}=`), { code: 'usage', message })
  }
  t.throws(() => parse('get', 'a', '-o', ''), { message: 'get: -o is empty' })
  t.like(parse('ls', '--match', '').flags, { match: '' })
  const { exit, stderr } = await new Place(t).run(['cid', ''])
  t.deepEqual([exit, stderr], [1, 'dstore: an empty argument names no file\n'])
})

test('R007-441 R007-21 flags without a command are one line, and what to do', async (t) => {
  const place = new Place(t)
  const [plain, json] = await Promise.all([place.run(['-q']), place.run(['--json'])])
  t.is(plain.exit, 2)
  const lines = ['no command in: dstore -q', 'flags follow a command, such as `dstore status`']
  t.is(plain.stderr, `dstore: ${lines[0]}\nhint: ${lines[1]}\n`)
  t.is(json.exit, 2)
  t.like((JSON.parse(json.stderr) as { error: object }).error, { code: 'usage' })
})
