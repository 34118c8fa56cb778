import { DstoreError } from '../../../src/errors.ts'
import type { Entry } from '../../../src/directory/directory.ts'
import { Key } from '../../../src/hash/key.ts'
import { DIRECTORY_BYTES, DIRECTORY_DEPTH } from '../../../src/limits.ts'
import { entriesOf } from '../../../src/tree/read/entries.ts'
import { Listings } from '../../../src/tree/read/listings.ts'
import { walkTree } from '../../../src/tree/read/walk.ts'
import { test } from '../../serial.ts'
import { StoredValues } from '../stored-values.ts'

async function pathsOf(reader: StoredValues, root: Key): Promise<string[]> {
  const paths: string[] = []
  for await (const facts of entriesOf(new Listings(reader), root, true)) {
    paths.push(facts.type === 'directory' ? `${facts.path}/` : facts.path)
  }
  return paths
}

test('R008-60 a walk gives every entry once, in order, each directory before what is below it', async (t) => {
  const stored = new StoredValues()
  const root = stored.tree({
    'b/x': '1',
    'b/c/y': '2',
    a: '3',
    ab: { to: 'a' },
    d: null,
    'b/a': { exec: '' },
  })
  t.deepEqual(await pathsOf(stored, root), ['a', 'ab', 'b/', 'b/a', 'b/c/', 'b/c/y', 'b/x', 'd/'])
})

test('R008-60 the bytes of files are not read by a walk, and directories once each', async (t) => {
  const stored = new StoredValues()
  const contents = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [`folder${i % 50}/${i}`, `file ${i}`]),
  )
  const root = stored.tree(contents)
  t.is((await pathsOf(stored, root)).length, 250)
  t.is(stored.reads.length, 51)
  t.is(new Set(stored.reads).size, 51)
})

test('R008-60 directories are fetched before their turn, a bounded number of them', async (t) => {
  const stored = new StoredValues()
  const root = stored.tree(
    Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`folder${i}/${i}`, `${i}`])),
  )
  const steps = walkTree(new Listings(stored), root)
  await steps.next()
  // The root, the one that was entered, and those that come next.
  t.true(stored.reads.length >= 10 && stored.reads.length <= 18, `${stored.reads.length}`)
  await steps.return()
})

test('R008-61 a large directory is not fetched before its turn', async (t) => {
  const stored = new StoredValues()
  const wide = Array.from({ length: 5000 }, (_, i): [string, Entry] => [
    `a name that is long ${i}`,
    { type: 'link', target: 'x'.repeat(60) },
  ])
  const large = stored.directory(wide)
  const small = stored.directory([['f', stored.file('1')]])
  const root = stored.directory([
    ['a', small],
    ['b', large],
  ])
  const listings = new Listings(stored)
  let left = 0
  const get = stored.get.bind(stored)
  stored.get = async (key) => {
    const value = await get(key)
    const isLarge = key.toHex() === new Key(large.digest).toHex()
    if (!isLarge) return value
    const source = value.bytes[Symbol.asyncIterator]()
    const bytes: AsyncIterableIterator<Uint8Array> = {
      next: () => source.next(),
      return: async () => {
        left++
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]: () => bytes,
    }
    return { size: value.size, bytes }
  }
  const names: string[] = []
  for await (const step of walkTree(listings, new Key(root.digest, 'directory'))) {
    if (step.type === 'enter') names.push(step.name)
  }
  t.deepEqual(names, ['a', 'b'])
  t.is(left, 1)
})

test('R008-61 a value that is too large for a directory is refused before it is read', async (t) => {
  const stored = new StoredValues()
  const bytes = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.reject(new Error('it was read')),
      return: () => Promise.resolve({ done: true as const, value: undefined }),
    }),
  }
  stored.get = () => Promise.resolve({ size: DIRECTORY_BYTES + 1, bytes })
  const root = new Key(new Uint8Array(32), 'directory')
  await t.throwsAsync(new Listings(stored).get(root), {
    instanceOf: DstoreError,
    code: 'too-large',
  })
})

test('R008-61 plain bytes are refused as a directory', async (t) => {
  const stored = new StoredValues()
  const root = new Key(stored.put(Buffer.from('no directory')), 'directory')
  await t.throwsAsync(new Listings(stored).get(root), { code: 'integrity' })
})

test('R008-62 a tree that is too deep is refused, and one as deep as allowed is not', async (t) => {
  const stored = new StoredValues()
  const chain = (levels: number): Key => {
    let entry: Entry = stored.directory([])
    for (let level = 1; level < levels; level++) entry = stored.directory([['d', entry]])
    return new Key(entry.digest, 'directory')
  }
  t.is((await pathsOf(stored, chain(DIRECTORY_DEPTH))).length, DIRECTORY_DEPTH - 1)
  await t.throwsAsync(pathsOf(stored, chain(DIRECTORY_DEPTH + 1)), { code: 'too-large' })
})

test('R008-60 a directory that is missing fails the walk with its path and key', async (t) => {
  const stored = new StoredValues()
  const below = stored.directory([['f', stored.file('1')]])
  const root = stored.directory([['d', below]])
  stored.values.delete(new Key(below.digest).toHex())
  const error = await t.throwsAsync<DstoreError>(
    pathsOf(stored, new Key(root.digest, 'directory')),
    {
      code: 'not-found',
    },
  )
  t.is(error.message, `d: no such key: ${new Key(below.digest, 'directory').toString()}`)
  t.regex(error.hint ?? '', /dstore stat/)
})
