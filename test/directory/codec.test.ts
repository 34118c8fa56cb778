import { test } from '../serial.ts'
import { readFileSync } from 'node:fs'
import * as dagCbor from '@ipld/dag-cbor'
import * as fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { decode, encode } from '../../specs/models/directories.ts'
import { directoryVectors, type DirectoryVectors } from '../../specs/models/directory-vectors.ts'
import { vectorFile } from '../../specs/models/vectors.ts'
import { fromHex, toHex } from '../../src/bytes.ts'
import { encodeDirectory, entryBytes } from '../../src/directory/encoder.ts'
import { decodeDirectory } from '../../src/directory/reader.ts'
import { totalsOf, type Directory, type Entry } from '../../src/directory/directory.ts'
import { compareNames } from '../../src/directory/names.ts'
import { readEntries } from '../../src/directory/reader.ts'
import { DstoreError } from '../../src/errors.ts'
import { hash } from '../../src/hash/hasher.ts'
import { Key } from '../../src/hash/key.ts'
import { DIRECTORY_BYTES, DIRECTORY_ENTRIES } from '../../src/limits.ts'
import { damage } from '../wire/arbitraries.ts'
import { entries, modelOf, name } from './arbitraries.ts'

const FILE = 'specs/vectors/008-directories.json'
const vectors = JSON.parse(readFileSync(FILE, 'utf8')) as DirectoryVectors

const DIGEST = new Uint8Array(32).fill(7)
const file = (size: number = 0): Entry => ({
  type: 'file',
  digest: DIGEST,
  size,
  executable: false,
})
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))

/** The directory, or the code with which the bytes are refused. */
function read(bytes: Uint8Array): Directory | string {
  try {
    return decodeDirectory(bytes)
  } catch (error) {
    if (error instanceof DstoreError) return error.code
    throw error
  }
}

test("R008-7: the committed vectors are the model's", (t) => {
  t.is(readFileSync(FILE, 'utf8'), vectorFile(directoryVectors()))
})

for (const { what, entries: listed, bytes, key } of vectors.directories) {
  test(`R008-1 to R008-6, R008-10: the directory of the vectors: ${what}`, (t) => {
    const directory = decodeDirectory(bytesOf(bytes))
    t.deepEqual(modelOf(directory), listed)
    t.is(toHex(encodeDirectory(directory)), bytes)
    t.is(toHex(encodeDirectory([...directory].toReversed())), bytes)
    t.is(new Key(hash(bytesOf(bytes)).digest, 'directory').toString(), key)
  })
}

test('R008-7: what the vectors refuse, in one line that says why and where', (t) => {
  t.true(vectors.refused.length > 100)
  for (const { why, bytes } of vectors.refused) {
    const error = t.throws(() => decodeDirectory(bytesOf(bytes)), { instanceOf: DstoreError }, why)
    t.is(error?.code, 'integrity', why)
    t.regex(error.message, /^not a directory: [^\n]+, at byte \d+$/, why)
  }
})

test('R008-7: a directory that is cut short anywhere, or has one bit flipped, is what the model says', (t) => {
  const { bytes } = vectors.directories.find(({ what }) => what === 'every kind of entry')!
  const whole = bytesOf(bytes)
  let taken = 0
  for (let at = 0; at < whole.length; at++) {
    t.is(read(whole.subarray(0, at)), 'integrity', `cut at ${at}`)
    for (let bit = 0; bit < 8; bit++) {
      const flipped = whole.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte))
      const [found, expected] = [read(flipped), decode(flipped)]
      t.is(typeof found === 'string', expected === undefined, `bit ${bit} of byte ${at}`)
      if (typeof found === 'string') continue
      t.is(toHex(encodeDirectory(found)), toHex(flipped))
      taken++
    }
  }
  // Most of the bytes are digests, in which every bit makes another directory.
  t.true(taken > 900, `${taken}`)
})

test('R008-7: on damaged bytes product, model and a general library agree', (t) => {
  const damaged = entries.chain((list) => damage(encodeDirectory(list)))
  fc.assert(
    fc.property(damaged, (bytes) => {
      const [found, expected] = [read(bytes), decode(bytes)]
      if (typeof found === 'string') return expected === undefined
      t.deepEqual(modelOf(found), modelOf(decodeDirectory(encode(expected!))))
      // That library drops a byte order mark at the start of a text.
      if (Buffer.from(bytes).includes('\ufeff')) return true
      return toHex(dagCbor.encode(dagCbor.decode(bytes))) === toHex(bytes)
    }),
    { numRuns: 1500 },
  )
})

test('R008-1 to R008-6, R008-11: directories at random: one encoding, read in order', (t) => {
  fc.assert(
    fc.property(entries, (list) => {
      const bytes = encodeDirectory(list)
      t.deepEqual(bytes, encode(modelOf(list)))
      const directory = decodeDirectory(bytes)
      const names = [...directory.keys()]
      t.deepEqual(
        names,
        names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      )
      t.deepEqual(directory, new Map(list.toSorted(([a], [b]) => compareNames(a, b))))
      t.is(
        totalsOf(directory).files,
        list.reduce((sum, [, entry]) => sum + filesIn(entry), 0),
      )
      const added = list.reduce((sum, [text, entry]) => sum + entryBytes(text, entry), 0)
      t.is(bytes.length - added, encodeDirectory([]).length + (list.length < 24 ? 0 : 1))
    }),
    { numRuns: 300 },
  )
})

const filesIn = (entry: Entry): number =>
  entry.type === 'link' ? 0 : entry.type === 'file' ? 1 : entry.files

test('R008-2: a general DAG-CBOR library reads the same, and writes the same bytes', (t) => {
  for (const { what, entries: listed, bytes } of vectors.directories) {
    // That library drops a byte order mark at the start of a text.
    if (what.startsWith('a byte order mark')) continue
    const decoded = dagCbor.decode<{ tree: Record<string, Record<string, unknown>> }>(
      bytesOf(bytes),
    )
    t.deepEqual(Object.keys(decoded.tree).length, listed.length)
    for (const [text, entry] of listed) {
      for (const [field, value] of Object.entries(entry)) {
        const found = decoded.tree[text]![field]
        const cid = CID.asCID(found)
        t.is(cid === null ? found : toHex(cid.multihash.digest), value, `${text} ${field}`)
      }
    }
    t.is(toHex(dagCbor.encode(decoded)), bytes, what)
  }
})

test('R008-3, R008-6: what a program may not put into a directory', (t) => {
  const encoding = (list: [string, Entry][]) => () => encodeDirectory(list)
  for (const text of ['', '.', '..', 'a/b', 'a\0', '\ud800', 'n'.repeat(256), 'é'.repeat(128)]) {
    t.throws(encoding([[text, file()]]), { code: 'usage', message: /^not a name in a directory/ })
  }
  for (const target of ['', 'a\0', '\udfff', 'x'.repeat(4096), '€'.repeat(1366)]) {
    t.throws(encoding([['l', { type: 'link', target }]]), { code: 'usage', message: /target/ })
  }
  t.throws(
    encoding([
      ['a', file()],
      ['a', file()],
    ]),
    { code: 'usage', message: /one name/ },
  )
  for (const size of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    t.throws(encoding([['a', file(size)]]), { instanceOf: RangeError })
  }
  const short: Entry = { type: 'file', digest: new Uint8Array(31), size: 0, executable: false }
  t.throws(encoding([['a', short]]), { instanceOf: RangeError })
})

test('R008-8: a directory beyond its limits is refused before anything is built of it', (t) => {
  const long = new Uint8Array(DIRECTORY_BYTES + 1)
  t.throws(() => decodeDirectory(long), { code: 'too-large' })
  t.throws(() => decodeDirectory(long.subarray(1)), { code: 'integrity' })
  const stated = fromHex(`a16474726565ba${(DIRECTORY_ENTRIES + 1).toString(16).padStart(8, '0')}`)!
  t.throws(() => decodeDirectory(stated), { code: 'too-large', message: /entries/ })
  stated.set([0, 4, 0, 0], stated.length - 4)
  t.throws(() => decodeDirectory(stated), { code: 'integrity', message: /cut short/ })

  function* many(count: number, target: string): Generator<[string, Entry]> {
    for (let i = 0; i < count; i++) yield [i.toString(36), { type: 'link', target }]
    t.fail('the encoder read on')
  }
  t.throws(() => encodeDirectory(many(DIRECTORY_ENTRIES + 2, 'x')), { code: 'too-large' })
  t.throws(() => encodeDirectory(many(10_000, 'x'.repeat(4000))), { code: 'too-large' })
  const [half, rest] = [file(2 ** 52), file(2 ** 52 - 1)]
  t.notThrows(() =>
    encodeDirectory([
      ['a', half],
      ['b', rest],
    ]),
  )
  t.throws(
    () =>
      encodeDirectory([
        ['a', half],
        ['b', half],
      ]),
    { code: 'too-large' },
  )
})

test('R008-8: entries are read one at a time, and hold nothing of the bytes', (t) => {
  const bytes = Buffer.from(
    encodeDirectory([
      ['a', file()],
      ['b', file()],
    ]),
  )
  const reading = readEntries(bytes)
  const first = reading.next().value!
  t.deepEqual(first, ['a', file()])
  bytes.fill(0)
  t.deepEqual(first, ['a', file()])
  t.throws(() => reading.next(), { code: 'integrity' })
})

test('R008-11: names are ordered as their UTF-8 is', (t) => {
  fc.assert(
    fc.property(name, name, (a, b) => {
      const order = Buffer.compare(Buffer.from(a), Buffer.from(b))
      return Math.sign(compareNames(a, b)) === order && Math.sign(compareNames(b, a)) === -order
    }),
    { numRuns: 1000 },
  )
  t.true(compareNames('\uffff', '\u{10000}') < 0)
  t.true(compareNames('a', 'ab') < 0)
})
