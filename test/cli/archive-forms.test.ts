/** Archives that no dstore wrote: sparse files, and headers that are damaged or describe others. */
import { test } from '../serial.ts'
import { once } from '../../src/bytes.ts'
import { pattern } from '../hash/sizes.ts'
import { header, importOf, inPieces, keyOf, padded, paxHeader } from './archive-import.ts'

test('R007-105: zeros in a value whose header is damaged end no archive', async (t) => {
  const value = pattern(5000)
  const good = Buffer.concat([header(keyOf(value), value.byteLength, '0'), padded(value)])
  const lost = header(keyOf(pattern(1)), 4096, '0')
  lost[0]! ^= 1
  const archive = Buffer.concat([lost, Buffer.alloc(4096), good, Buffer.alloc(1024)])
  const { values, faults } = await importOf(once(archive))
  t.deepEqual([...values], [keyOf(value)])
  t.is(faults.length, 1)
})

test('R007-105: what describes a damaged entry is not taken for the next one', async (t) => {
  const value = pattern(5000)
  const good = Buffer.concat([header(keyOf(value), value.byteLength, '0'), padded(value)])
  const lost = header('lost', 0, '0')
  lost[0]! ^= 1
  const pax = paxHeader(['path=elsewhere', 'size=3'])
  const { values } = await importOf(once(Buffer.concat([pax, lost, good, Buffer.alloc(1024)])))
  t.deepEqual([...values], [keyOf(value)])
})

test('R007-105: a huge extended header is skipped, not held in memory', async (t) => {
  const value = pattern(5000)
  const good = Buffer.concat([header(keyOf(value), value.byteLength, '0'), padded(value)])
  const size = 2 * 1024 * 1024
  const huge = Buffer.concat([header('pax', size, 'x'), Buffer.from(`${size} a=`)])
  const rest = Buffer.alloc(size - 10, 'x')
  rest[rest.byteLength - 1] = 0x0a
  const archive = Buffer.concat([huge, rest, good, Buffer.alloc(1024)])
  const { values, faults } = await importOf(once(archive))
  t.deepEqual([...values], [keyOf(value)])
  t.deepEqual(
    faults.map(({ message }) => message),
    ['cannot read all of the archive: the extended header at byte 0 is malformed'],
  )
})

test('R007-106: a sparse file of any form is refused by name, and harms nothing', async (t) => {
  const value = pattern(5000)
  const key = keyOf(pattern(9))
  const good = Buffer.concat([header(keyOf(value), value.byteLength, '0'), padded(value)])
  const body = padded(pattern(3000))
  const map = (isLast: boolean): Buffer => {
    // Like a value: its contents look like no header.
    const block = Buffer.alloc(512, '00000001000\0')
    block[504] = isLast ? 0 : 1
    return block
  }
  const extended = (block: Buffer): void => void (block[482] = 1)
  const sparse = {
    gnu: [header(key, 3000, 'S'), body],
    'gnu, with 60 holes': [
      header(key, 3000, 'S', extended),
      map(false),
      map(false),
      map(true),
      body,
    ],
    'pax 0.0': [
      paxHeader(['GNU.sparse.size=9000', 'GNU.sparse.offset=1']),
      header(key, 3000, '0'),
      body,
    ],
    'pax 0.1': [
      paxHeader([`GNU.sparse.name=${key}`, 'GNU.sparse.map=0,1']),
      header('x/y', 3000, '0'),
      body,
    ],
    'pax 1.0': [
      paxHeader([`path=GNUSparseFile.1/x`, 'GNU.sparse.major=1', `GNU.sparse.name=${key}`]),
      header('x/y', 3000, '0'),
      body,
    ],
  }
  for (const [form, blocks] of Object.entries(sparse)) {
    const { values, faults } = await importOf(
      inPieces(Buffer.concat([...blocks, good, Buffer.alloc(1024)]), 999),
    )
    t.deepEqual([...values], [keyOf(value)], form)
    t.deepEqual(
      faults.map(({ message }) => message),
      [`not imported: ${key} is a sparse file`],
      form,
    )
  }
})
