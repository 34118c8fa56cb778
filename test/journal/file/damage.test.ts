/** What a torn last write leaves, and what decays on the disk: the prefix or `integrity`. */
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../../src/errors.ts'
import { test } from '../../serial.ts'
import { seeded } from '../../wire/seeded.ts'
import { pattern } from '../tools.ts'
import { open } from './scenario.ts'
import { SimDisk } from './sim-disk.ts'

const BLOCK = 4096

/** A journal of entries of these lengths, closed. */
async function journalOf(lengths: readonly number[]): Promise<SimDisk> {
  const disk = new SimDisk({ random: seeded(1), sectorBytes: 512 })
  const journal = await open(disk.files())
  for (const [i, length] of lengths.entries()) await journal.append(i, pattern(length, i))
  await journal.close()
  return disk
}

const segmentsOf = (disk: SimDisk): string[] =>
  [...disk.content.keys()].filter((name) => name.endsWith('.segment')).toSorted()

/** How many entries an opening finds, all of them right; or the code of its fault. */
async function found(
  t: ExecutionContext,
  disk: SimDisk,
  lengths: readonly number[],
): Promise<number | string> {
  try {
    const journal = await open(disk.files())
    const { first, last } = await journal.extent()
    for (let position = first; position <= last; position++) {
      const entry = await journal.at(position)
      const expected = pattern(lengths[position - 1]!, position - 1)
      if (Buffer.compare(entry as Uint8Array, expected) !== 0) t.fail(`a wrong entry ${position}`)
    }
    await journal.close()
    return last
  } catch (error) {
    if (!(error instanceof DstoreError)) throw error
    return error.code
  }
}

const magicAt = (bytes: Uint8Array, at: number): string =>
  Buffer.from(bytes.subarray(at, at + 4)).toString()

/** Where the last record of the last segment is. */
function lastRecord(disk: SimDisk, length: number): { name: string; start: number; end: number } {
  const name = segmentsOf(disk).at(-1)!
  const bytes = disk.content.get(name)!
  let start = bytes.byteLength - BLOCK
  while (magicAt(bytes, start) !== 'jent') start -= BLOCK
  return { name, start, end: start + 64 + length }
}

const FILLS = {
  zeros: () => 0,
  garbage: (i: number) => (i * 197 + 13) % 256,
} as const

for (const [fill, byteAt] of Object.entries(FILLS)) {
  test(`R009-42 a last write that is torn at any byte, then ${fill}, leaves the entries before`, async (t) => {
    for (const [length, step] of [
      [150, 1],
      [9000, 331],
    ] as const) {
      const lengths = [100, 5000, length]
      const whole = await journalOf(lengths)
      const { name, start, end } = lastRecord(whole, length)
      for (let cut = start; cut < end; cut += step) {
        const disk = whole.copy()
        disk.damage(name, (bytes) => {
          for (let i = cut; i < end; i++) bytes[i] = byteAt(i)
        })
        const isSame = Buffer.compare(disk.content.get(name)!, whole.content.get(name)!) === 0
        t.is(await found(t, disk, lengths), isSame ? 3 : 2, `cut at ${cut - start}`)
      }
    }
  })
}

for (const sector of [512, 4096]) {
  test(`R009-42 a last write of which any sectors of ${sector} are missing leaves the entries before`, async (t) => {
    const lengths = [100, 5000, 12_000]
    const whole = await journalOf(lengths)
    const { name, start, end } = lastRecord(whole, 12_000)
    const count = Math.ceil((end - start) / sector)
    const random = seeded(sector)
    const subsets = count > 6 ? 200 : 2 ** count
    for (let subset = 0; subset < subsets; subset++) {
      const isMissing = (i: number): boolean =>
        count > 6 ? random() < 0.5 : ((subset >> i) & 1) === 0
      const disk = whole.copy()
      disk.damage(name, (bytes) => {
        for (let i = 0; i < count; i++) {
          if (isMissing(i)) bytes.fill(0, start + i * sector, start + (i + 1) * sector)
        }
      })
      const isSame = Buffer.compare(disk.content.get(name)!, whole.content.get(name)!) === 0
      t.is(await found(t, disk, lengths), isSame ? 3 : 2)
    }
  })
}

test('R009-42 what follows a torn write is written to a new segment, and the torn one never again', async (t) => {
  const lengths = [100, 5000, 9000, 300]
  const whole = await journalOf(lengths.slice(0, 3))
  const { name, start } = lastRecord(whole, 9000)
  const disk = whole.copy()
  disk.damage(name, (bytes) => bytes.fill(0, start, start + BLOCK))
  const torn = Uint8Array.from(disk.content.get(name)!)
  const journal = await open(disk.files())
  t.is(await journal.append(2, pattern(9000, 2)), 'ok')
  t.is(await journal.append(3, pattern(300, 3)), 'ok')
  await journal.close()
  t.deepEqual(disk.content.get(name), torn)
  // The missing block comes back: it is void.
  disk.damage(name, (bytes) => bytes.set(whole.content.get(name)!))
  t.is(await found(t, disk, lengths), 4)
})

test('R009-41 a bit that decays anywhere in an entry that others follow is integrity, in the last one its end', async (t) => {
  const lengths = [100, 5000, 9000, 200, 9000, 30, 30, 12_000, 50, 60]
  const whole = await journalOf(lengths)
  const names = segmentsOf(whole)
  t.true(names.length > 2)
  const random = seeded(3)
  for (const name of names) {
    const bytes = whole.content.get(name)!
    let ending = 0
    for (let at = 0; at < bytes.byteLength; at += BLOCK) {
      if (magicAt(bytes, at) === 'jent') ending = at
    }
    // Every byte of each head and of the start of each entry; some of the rest.
    const isRecord = (at: number): boolean =>
      at < BLOCK || 'jent' === magicAt(bytes, at - (at % BLOCK))
    for (let at = 0; at < bytes.byteLength; at += at % BLOCK < 100 && isRecord(at) ? 1 : 797) {
      const disk = whole.copy()
      disk.damage(name, (damaged) => (damaged[at] = damaged[at]! ^ (1 << Math.floor(random() * 8))))
      const result = await found(t, disk, lengths)
      const isLast = name === names.at(-1) && at >= ending
      const isPadding = bytes[at] === 0 && result === 10
      if (isLast) t.true(result === 9 || isPadding, `${name} at ${at}: ${result}`)
      else t.true(result === 'integrity' || isPadding, `${name} at ${at}: ${result}`)
    }
  }
})

test('R009-41 segments that are missing, cut, exchanged or old are integrity', async (t) => {
  const lengths = [100, 5000, 9000, 200, 9000, 30, 30, 12_000, 50, 60]
  const whole = await journalOf(lengths)
  const names = segmentsOf(whole)
  const damage = async (act: (disk: SimDisk) => void): Promise<number | string> => {
    const disk = whole.copy()
    act(disk)
    return found(t, disk, lengths)
  }
  const content = (name: string): Uint8Array => whole.content.get(name)!
  t.is(await damage((disk) => disk.drop(names[1]!)), 'integrity')
  for (const name of names) {
    const { byteLength } = content(name)
    for (const length of [0, 1, 100, BLOCK, BLOCK + 64, byteLength - 1]) {
      t.is(await damage((disk) => disk.put(name, content(name).subarray(0, length))), 'integrity')
    }
    t.is(await damage((disk) => disk.put(name, new Uint8Array(byteLength))), 'integrity')
  }
  t.is(
    await damage((disk) => {
      disk.put(names[0]!, content(names[1]!))
      disk.put(names[1]!, content(names[0]!))
    }),
    'integrity',
  )
  // One of another journal, which has as many entries of other bytes.
  const other = await journalOf(lengths.map((length) => length - 1))
  t.deepEqual(segmentsOf(other), names)
  t.is(await damage((disk) => disk.put(names[1]!, other.content.get(names[1]!)!)), 'integrity')
  // As it was before its last entries came.
  const before = await journalOf(lengths.slice(0, 1))
  t.is(await damage((disk) => disk.put(names[0]!, before.content.get(names[0]!)!)), 'integrity')
})

test('R009-41 an entry that is missing among equal ones is noticed', async (t) => {
  const disk = new SimDisk({ random: seeded(1), sectorBytes: 512 })
  const journal = await open(disk.files())
  for (let i = 0; i < 8; i++) await journal.append(i, pattern(100))
  await journal.close()
  const [first] = segmentsOf(disk)
  disk.damage(first!, (bytes) => bytes.fill(0, 5 * BLOCK, 6 * BLOCK))
  await t.throwsAsync(open(disk.files()), { code: 'integrity' })
})

test('R009-41 an earlier segment that is missing shows in where the journal begins', async (t) => {
  const lengths = [100, 5000, 9000, 200, 9000, 30]
  const disk = await journalOf(lengths)
  disk.drop(segmentsOf(disk)[0]!)
  const journal = await open(disk.files())
  const { first } = await journal.extent()
  t.true(first > 1)
  t.is(await journal.at(1), 'gone')
  await journal.close()
})

test('R009-46 what an earlier use of a file left is never taken for entries', async (t) => {
  const disk = await journalOf([9000, 9000])
  let journal = await open(disk.files())
  // Around and around, so that each file is used again and again.
  for (let i = 2; i < 60; i++) {
    await journal.append(i, pattern(i % 3 === 0 ? 9000 : 10, i))
    await journal.trim(i)
    if (i % 7 === 0) {
      disk.powerCut()
      journal = await open(disk.files())
      t.is((await journal.extent()).last, i + 1)
    }
  }
  t.true(disk.content.size <= 4, [...disk.content.keys()].join())
})

test('R009-50 a later version of the journal is refused, and not changed', async (t) => {
  const disk = await journalOf([100])
  const { encodeHead, decodeHead } = await import('../../../src/journal/file/head.ts')
  const { hash } = await import('../../../src/hash/hasher.ts')
  const name = segmentsOf(disk)[0]!
  const head = encodeHead(decodeHead(disk.content.get(name)!.subarray(0, BLOCK), name))
  head[11] = 2
  head.set(hash(head.subarray(0, 88)).digest, 88)
  disk.damage(name, (bytes) => bytes.set(head))
  t.is(await found(t, disk, [100]), 'incompatible')
})

test('R009-43, R009-47 a file is used again only once it is durable that it was given up', async (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const disk = new SimDisk({ random: seeded(seed), sectorBytes: 512 })
    const first = await open(disk.files())
    for (let i = 0; i < 40; i++) await first.append(i, pattern(9000, i))
    // The first segments are smaller, and not used again.
    await first.trim(20)
    const last = (await first.extent()).last
    // The process ends when a trimmed segment has another name, which is not durable.
    disk.fault = { kind: 'end', code: 'EIO', only: 'syncDirectory', left: 0, hit: undefined }
    await t.throwsAsync(first.trim(last))
    t.is(disk.fault.hit, 'syncDirectory')
    disk.kill()
    // Of the spares the one that was a segment a moment ago is the only one left.
    const spares = [...disk.content.keys()].filter((name) => name.endsWith('.spare')).toSorted()
    for (const name of spares.slice(0, -1)) disk.drop(name)
    const second = await open(disk.files())
    disk.fault = { kind: 'end', code: 'EIO', only: 'syncDirectory', left: 0, hit: undefined }
    await t.throwsAsync(second.append(last, pattern(1)))
    disk.powerCut()
    const third = await open(disk.files())
    t.is((await third.extent()).last, last)
    await third.close()
  }
})
