import { Key } from '../../../src/hash/key.ts'
import { asDstoreError, DstoreError } from '../../../src/errors.ts'
import { entryAt, valueAt } from '../../../src/tree/read/entry-at.ts'
import { Listings } from '../../../src/tree/read/listings.ts'
import { findTreeWord, splitKey } from '../../../src/tree/read/tree-word.ts'
import { test } from '../../serial.ts'
import { StoredValues } from '../stored-values.ts'

const KEY = new Key(
  Uint8Array.from({ length: 32 }, (_, i) => i),
  'directory',
)

test('R008-63 a word that begins with a key and a slash is that key and a path', (t) => {
  for (const text of [KEY.toString(), KEY.toHex()]) {
    t.deepEqual(splitKey(`${text}/a/b c`)?.path, ['a', 'b c'])
    t.deepEqual(splitKey(`${text}/a/`)?.path, ['a'])
    t.deepEqual(splitKey(`${text}/`)?.path, [])
    t.deepEqual(splitKey(text)?.path, [])
    t.true(splitKey(`${text}/a`)!.key.equals(KEY))
  }
  t.is(splitKey(`${KEY.toString()}/a`)?.key.kind, 'directory')
  t.is(splitKey(`${KEY.toHex()}/a`)?.key.kind, 'bytes')
  t.is(splitKey('models/v1'), undefined)
  t.is(splitKey(''), undefined)
})

test('R008-16 a path with a name that no entry can have is refused with usage', (t) => {
  for (const path of ['..', 'a/../b', '.', '/a', 'a//b', 'a//', `a/${'x'.repeat(256)}`, 'a\0b']) {
    const error = t.throws(() => splitKey(`${KEY.toString()}/${path}`), { code: 'usage' })
    t.true(error.message.startsWith('not a path in a directory: '), path)
  }
})

test('R008-63 the longest bound name wins, and the whole word is tried first', async (t) => {
  const bound = new Set(['models/v1', 'a', 'a/b/c'])
  const asked: string[] = []
  const lookup = async (name: string): Promise<Key | undefined> => {
    asked.push(name)
    return bound.has(name) ? KEY : undefined
  }
  const find = async (text: string): Promise<string> => {
    asked.length = 0
    const found = await findTreeWord(text, lookup)
    return found === undefined ? 'none' : [found.root, ...found.path].join(' > ')
  }
  t.is(await find('models/v1'), 'models/v1')
  t.deepEqual(asked, ['models/v1'])
  t.is(await find('models/v1/config.json'), 'models/v1 > config.json')
  t.is(await find('models/v1/'), 'models/v1')
  t.is(await find('a/b/c/d/e'), 'a/b/c > d > e')
  t.is(await find('a/b/x'), 'a > b > x')
  t.deepEqual(asked, ['a/b/x', 'a/b', 'a'])
  t.is(await find('models'), 'none')
  t.is(await find('models/v2/x'), 'none')
})

test('R008-63 a path may be longer than a name, and have what no name has', async (t) => {
  const deep = Array.from({ length: 300 }, (_, i) => `directory${i}`)
  const lookup = (name: string): Promise<Key | undefined> =>
    Promise.resolve(name === 'v1' ? KEY : undefined)
  const long = await findTreeWord(`v1/${deep.join('/')}`, lookup)
  t.deepEqual(long?.path, deep)
  t.deepEqual((await findTreeWord('v1/a\nb', lookup))?.path, ['a\nb'])
  await t.throwsAsync(findTreeWord('a\nb', lookup), { code: 'usage' })
  await t.throwsAsync(findTreeWord('', lookup), { code: 'usage' })
})

test('R008-63 a name of a directory that is known suffices where longer ones are unreachable', async (t) => {
  const known = new Map([
    ['tree', new Key(KEY.digest, 'directory')],
    ['value', new Key(KEY.digest, 'bytes')],
  ])
  const away = new DstoreError('unreachable', 'Global is away')
  const lookup = async (name: string): Promise<Key | undefined> => {
    const key = known.get(name)
    if (key === undefined) throw away
    return key
  }
  t.like(await findTreeWord('tree/a/b', lookup), { root: 'tree', path: ['a', 'b'] })
  t.like(await findTreeWord('value', lookup), { root: 'value', path: [] })
  for (const word of ['value/a', 'other/a', 'other']) {
    await t.throwsAsync(findTreeWord(word, lookup), { code: 'unreachable' }, word)
  }
  const silent = new DstoreError('timeout', 'no answer')
  await t.throwsAsync(
    findTreeWord('tree/a', (name) => (name === 'tree' ? lookup(name) : Promise.reject(silent))),
    { code: 'timeout' },
  )
})

const CONTENTS = { 'sub/file': '1', 'sub/deeper/x': '2', link: { to: 'sub' }, é: '3', z: '4' }

test('R008-63 a path leads to each entry, and says where it leads nowhere', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree(CONTENTS)
  const at = async (path: string): Promise<string> => {
    const word = { key, path: path === '' ? [] : path.split('/'), root: 'v1' }
    try {
      const entry = await entryAt(new Listings(stored), word)
      return entry?.type ?? 'root'
    } catch (error) {
      const { code, message, hint = '' } = asDstoreError(error)
      return `${code}: ${message} ${hint}`.trim()
    }
  }
  t.is(await at(''), 'root')
  t.is(await at('sub'), 'directory')
  t.is(await at('sub/deeper/x'), 'file')
  t.is(await at('é'), 'file')
  t.is(await at('link'), 'link')
  t.is(await at('sub/none/x'), 'not-found: no such path: v1/sub/none')
  t.is(await at('SUB'), 'not-found: no such path: v1/SUB')
  t.is(
    await at('sub/file/x'),
    'not-found: no such path: v1/sub/file/x: v1/sub/file is no directory',
  )
  t.is(
    await at('link/file'),
    'not-found: no such path: v1/link/file: v1/link is no directory it is a symbolic link to sub',
  )
})

test('R008-63 a plain value has nothing below it, and a link no value', async (t) => {
  const stored = new StoredValues()
  const plain = new Key(stored.put(Buffer.from('x')))
  const listings = new Listings(stored)
  await t.throwsAsync(entryAt(listings, { key: plain, path: ['a'], root: 'v1' }), {
    code: 'not-found',
    message: 'no such path: v1/a: v1 is no directory',
  })
  t.is(await entryAt(listings, { key: plain, path: [], root: 'v1' }), undefined)
  const key = stored.tree(CONTENTS)
  await t.throwsAsync(valueAt(listings, { key, path: ['link'], root: 'v1' }), {
    code: 'usage',
    message: 'v1/link is a symbolic link to sub, which has no value',
  })
})

test('R008-63 every entry of a wide directory is found by its name', async (t) => {
  const stored = new StoredValues()
  const names = Array.from({ length: 500 }, (_, i) => String.fromCodePoint(0x21 + i * 97))
  const usable = names.filter((name) => !/[/\0\p{Cs}]|^\.$/u.test(name))
  const key = stored.tree(Object.fromEntries(usable.map((name) => [name, name])))
  const listings = new Listings(stored)
  for (const name of usable) {
    const entry = await valueAt(listings, { key, path: [name], root: 'v1' })
    t.is(entry?.type, 'file', name)
  }
})
