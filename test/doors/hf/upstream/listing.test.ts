/** Lists of files as values, and as what the handlers walk through. */
import { gather } from '../../../../src/bytes.ts'
import { verifiedBytes } from '../../../../src/doors/hf/upstream/fetch-file.ts'
import { hash } from '../../../../src/hash/hasher.ts'
import { Key } from '../../../../src/hash/key.ts'
import { decodeListing, encodeListing, orderOf } from '../../../../src/doors/hf/upstream/listing.ts'
import type { ListedFile } from '../../../../src/doors/hf/upstream/listing.ts'
import { ListingSnapshot } from '../../../../src/doors/hf/upstream/listing-snapshot.ts'
import { test } from '../../../serial.ts'
import { bytes } from '../hf-serving.ts'
import { sha1, sha256 } from './imitation.ts'

const fileAt = (path: string): ListedFile => ({ path, size: 1, oid: sha1(bytes(path)) })

const PATHS = [
  'a',
  'b/c/d',
  'b/c/e',
  'b/z',
  'b-c',
  'b.c',
  'b/\ue000',
  'b/\u{1f600}',
  'c/x/y/z',
  'd',
]

const FILES = PATHS.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1)).map(fileAt)

const COMMIT = 'a'.repeat(40)

const snapshot = new ListingSnapshot({ commit: COMMIT, files: FILES }, () => Promise.resolve())

async function walked(folder: string, recursive: boolean, after?: string): Promise<string[]> {
  const paths: string[] = []
  for await (const { path, type } of snapshot.walk(folder, { recursive, after })) {
    paths.push(type === 'folder' ? `${path}/` : path)
  }
  return paths
}

test('R010-72 the stated size counts beside the digest', async (t) => {
  const value = bytes('value')
  const file = { ...fileAt('a'), lfs: { sha256: sha256(value), pointerSize: 134 } }
  const verified = (size: number): Promise<Uint8Array> =>
    gather(verifiedBytes(pieces(value), { ...file, size }))
  t.deepEqual(Buffer.from(await verified(5)), value)
  for (const size of [0, 4, 6]) {
    await t.throwsAsync(verified(size), { message: /^the upstream sent / }, String(size))
  }
})

test('R010-72 the last piece comes only when all are verified', async (t) => {
  const key = new Key(hash(bytes('value')).digest).toString()
  const taken: string[] = []
  const take = async (wanted: string): Promise<void> => {
    const file = { ...fileAt('a'), size: 5, key: wanted }
    for await (const piece of verifiedBytes(pieces(bytes('value')), file)) {
      taken.push(Buffer.from(piece).toString())
    }
  }
  await take(key)
  t.deepEqual(taken.splice(0), 'value'.split(''))
  const other = new Key(hash(bytes('other')).digest).toString()
  await t.throwsAsync(take(other), { message: /other bytes than it stated/ })
  t.deepEqual(taken, 'valu'.split(''))
})

/** The bytes one by one. */
async function* pieces(value: Uint8Array): AsyncGenerator<Uint8Array> {
  for (const byte of value) yield Uint8Array.of(byte)
}

test('R010-71 a list is walked folder by folder, and from any entry on', async (t) => {
  const all = ['a', 'b/', 'b/c/', 'b/c/d', 'b/c/e', 'b/z', 'b/\u{1f600}', 'b/\ue000', 'b-c', 'b.c']
  all.push('c/', 'c/x/', 'c/x/y/', 'c/x/y/z', 'd')
  t.deepEqual(await walked('', true), all)
  t.deepEqual(await walked('', false), ['a', 'b/', 'b-c', 'b.c', 'c/', 'd'])
  t.deepEqual(await walked('b', false), ['b/c/', 'b/z', 'b/\u{1f600}', 'b/\ue000'])
  t.deepEqual(await walked('c/x', true), ['c/x/y/', 'c/x/y/z'])
  t.deepEqual(await walked('none', true), [])
  t.deepEqual(await walked('a', true), [])
  for (const folder of ['', 'b', 'c/x']) {
    for (const recursive of [true, false]) {
      const whole = await walked(folder, recursive)
      for (const [at, path] of whole.entries()) {
        const rest = await walked(folder, recursive, path.replace(/\/$/, ''))
        t.deepEqual(rest, whole.slice(at + 1), `${folder} after ${path}`)
      }
    }
  }
})

test('R010-71 a list has its files and folders by path', async (t) => {
  t.like(await snapshot.at('b/c/d'), { type: 'file', size: 1, etag: sha1(bytes('b/c/d')) })
  for (const folder of ['', 'b', 'b/c', 'c/x/y']) {
    t.like(await snapshot.at(folder), { type: 'folder', path: folder })
  }
  for (const none of ['b/', 'b/c/dd', 'c/x/y/z/0', 'e', 'b/c/d/']) {
    t.is(await snapshot.at(none), undefined, none)
  }
})

test('R010-71 a list is read from its value, and other values are none', async (t) => {
  const lfs = { ...fileAt('z'), lfs: { sha256: sha256(bytes('z')), pointerSize: 134 } }
  const listing = { commit: COMMIT, modifiedAt: '2026-01-02', files: [...FILES, lfs] }
  const value = encodeListing(listing)
  t.deepEqual(await decodeListing(value), listing)
  const text = Buffer.from(value).toString()
  const lines = text.split('\n')
  for (const [why, wrong] of [
    ['cut', text.slice(0, -1)],
    ['empty', ''],
    ['no head', lines.slice(1).join('\n')],
    ['another format', text.replace('listing 1', 'listing 2')],
    ['no commit', text.replace(COMMIT, 'a')],
    ['not JSON', text.replace('{"path"', '"path"')],
    ['out of order', [lines[0], ...lines.slice(1, -1).toReversed(), ''].join('\n')],
    ['twice', [lines[0], lines[1], lines[1], ''].join('\n')],
    ['a file as folder', [lines[0], lines[1], lines[1]!.replace('"a"', '"a/b"'), ''].join('\n')],
    ['a path that leads out', text.replace('"a"', '"../a"')],
  ]) {
    t.is(await decodeListing(bytes(wrong!)), undefined, why)
  }
})
