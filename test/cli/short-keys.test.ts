/** Pasted and short keys at the commands, with daemons in this process. */
import { test } from '../serial.ts'
import { DstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { askForKey, spelledKey, type KeyLists } from '../../cli/input/spelling.ts'
import { serving } from '../daemon/serving.ts'
import { Place } from './command.ts'

const keyOf = (value: string): string => new Key(hash(Buffer.from(value)).digest).toString()
const hexOf = (value: string): string => new Key(hash(Buffer.from(value)).digest).toHex()

test('R007-430 R007-431 R007-432 short and pasted keys are read, also while Global is away', async (t) => {
  const { node, directory } = await serving(t)
  const place = new Place(t, directory.path)
  const key = keyOf('hello')
  node.values.set(key, Buffer.from('hello'))
  const away = (): never => {
    throw new DstoreError('unreachable', 'Global is away')
  }
  t.like(await place.run(['get', key.slice(0, 16)]), { exit: 0, stderr: '' })
  t.like(await place.run(['has', 'bafkr4iaaaaaaaaa']), { exit: 1, stderr: '' })
  const refused = await place.run(['rm', key.slice(0, 16)])
  t.is(refused.exit, 3)
  t.regex(refused.stderr, /hint: give the whole key, which `dstore stat/)
  t.true(node.values.has(key))
  // A name of that spelling wins.
  const other = keyOf('other')
  node.values.set(other, Buffer.from('other'))
  node.bound.set(`ipfs://${key}`, Key.printed(other)!)
  t.is((await place.run(['get', `ipfs://${key}`])).stdout.toString(), 'other')
  node.bound.clear()
  node.keyPages = away
  node.lookup = away
  const short = await place.run(['get', key.slice(0, 16)])
  t.is(short.exit, 5)
  t.regex(short.stderr, /Global is away\nhint: only Global knows which key a short one stands for/)
  const pasted = await place.run(['get', `ipfs://${key}`])
  t.is(pasted.stdout.toString(), 'hello', pasted.stderr)
})

test('R007-431 an earlier daemon, which lists all keys, is not believed', async (t) => {
  const answers = (...keys: string[]) => {
    const client: KeyLists = {
      lists: {
        async *keys() {
          for (const key of keys) yield await Promise.resolve({ key, size: 1 })
        },
      },
    }
    return () => client
  }
  const key = keyOf('hello')
  t.is(await spelledKey(answers(key), `${key.slice(0, 16)}/a`), `${key}/a`)
  t.is(await spelledKey(answers(key), hexOf('hello').slice(0, 10)), key)
  const short = key.slice(0, 16)
  await t.throwsAsync(spelledKey(answers(keyOf('other'), key), short), { code: 'unsupported' })
  const hex = hexOf('hello').slice(0, 8)
  await t.throwsAsync(spelledKey(answers(keyOf('other')), hex), { code: 'unsupported' })
  t.is(await spelledKey(answers(), 'deadbeef'), undefined)
  await t.throwsAsync(
    spelledKey(() => undefined, short),
    { code: 'unreachable' },
  )
  const endless = key.slice(0, 58)
  const { hint } = (await t.throwsAsync(
    spelledKey(answers(...Array.from({ length: 9 }, () => key)), endless),
    { code: 'malformed-key' } as object,
  )) as DstoreError
  t.is(hint!.split(key).length - 1, 4)
  t.true(hint!.endsWith(' and more'))
  // What is no spelling of a key asks nobody, and keeps its error.
  const error = new DstoreError('not-found', 'no such name: ipfs')
  t.is(await askForKey('ipfs', error), error)
  t.is(await spelledKey(() => t.fail('asked'), 'ipfs://nothing'), undefined)
})
