/** Damaged archives: everything before and after the damage is imported, names too. */
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { Exporter } from '../../cli/archive/exporter.ts'
import { concat, once } from '../../src/bytes.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { ARCHIVE_NAMES_EVERY_BYTES } from '../../src/limits.ts'
import { pattern } from '../hash/sizes.ts'
import { importOf, inPieces, keyOf } from './archive-import.ts'

/** Where a value or a line of names ends in an archive, and where its header begins. */
interface Extent {
  readonly header: number
  readonly end: number
}

interface Archive {
  readonly bytes: Uint8Array
  /** By key. */
  readonly values: ReadonlyMap<string, Extent>
  /** By name; the header is that of the file of names. */
  readonly names: ReadonlyMap<string, Extent & { readonly key: string }>
  readonly headers: readonly number[]
}

/** An export of values of this size with two names each, and where everything is in it. */
async function archiveOf(count: number, size: number): Promise<Archive> {
  const pieces: Uint8Array[] = []
  const exporter = new Exporter(
    {} as Client,
    async (piece) => void pieces.push(piece.slice()),
    () => undefined,
  )
  const contents: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const bytes = pattern(size + i)
    const key = keyOf(bytes)
    const names = [`value/${i}`, `välue/${i}`].map((name) => ({ name, key }))
    await exporter.add({ key, size: size + i, names, bytes })
    contents.push(bytes)
  }
  await exporter.end()
  const bytes = concat(pieces)
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values = new Map<string, Extent>()
  for (const value of contents) {
    const header = archive.indexOf(keyOf(value))
    values.set(keyOf(value), { header, end: header + 512 + value.byteLength })
  }
  const headers = [...values.values()].map(({ header }) => header)
  const names = new Map<string, Extent & { key: string }>()
  for (let at = archive.indexOf('names'); at >= 0; at = archive.indexOf('names', at + 512)) {
    if (at % 512 !== 0) continue
    headers.push(at)
    const text = archive.subarray(at + 512, archive.indexOf(']\n\0', at)).toString()
    for (const line of text.split('\n').filter((one) => one.startsWith('{'))) {
      const { name, key } = JSON.parse(line.replace(/,$/, '')) as { name: string; key: string }
      names.set(name, {
        header: at,
        end: archive.indexOf(line, at) + Buffer.byteLength(line) + 1,
        key,
      })
    }
  }
  return { bytes, values, names, headers }
}

const small = archiveOf(30, 20_000)
const tiny = archiveOf(30, 700)
const large = archiveOf(5, 300_000)

const sorted = (texts: Iterable<string>): string[] => [...texts].toSorted()

/** The values and names that a cut leaves whole. */
function wholeBefore({ values, names }: Archive, cut: number): [string[], string[]] {
  const keys = [...values].filter(([, { end }]) => end <= cut).map(([key]) => key)
  return [
    sorted(keys),
    sorted([...names].filter(([, { end }]) => end <= cut).map(([name]) => name)),
  ]
}

test('R007-105: an archive that is cut anywhere gives what is whole before the cut', async (t) => {
  for (const archive of [await small, await tiny, await large]) {
    const { bytes } = archive
    const near = [1, 511, 512, 513, 1023, 1024, 1025, 1536, 2048].map(
      (less) => bytes.byteLength - less,
    )
    const cut = fc.oneof(fc.nat(bytes.byteLength - 1), fc.constantFrom(...near))
    await fc.assert(
      fc.asyncProperty(cut, fc.constantFrom(777, 65_536, 1 << 24), async (end, length) => {
        const { values, names, faults } = await importOf(inPieces(bytes.subarray(0, end), length))
        const [keys, bound] = wholeBefore(archive, end)
        t.deepEqual(sorted(values), keys, `cut at ${end}`)
        t.deepEqual(sorted(names.keys()), bound, `cut at ${end}`)
        t.is(faults.length, 1, `cut at ${end}`)
      }),
      { numRuns: 150 },
    )
  }
})

test('R007-105: a cut costs few names: those of 128 KiB of the archive', async (t) => {
  for (const archive of [await small, await tiny, await large]) {
    for (let end = 0; end < archive.bytes.byteLength; end += 5000) {
      const [keys, names] = wholeBefore(archive, end)
      const lost = keys.filter(
        (key) => ![...names].some((name) => archive.names.get(name)!.key === key),
      )
      const bytes = lost.reduce((sum, key) => {
        const { header, end: last } = archive.values.get(key)!
        return sum + last - header
      }, 0)
      // A large value is followed by its names.
      t.true(
        bytes < 2 * ARCHIVE_NAMES_EVERY_BYTES || lost.length === 1,
        `${lost.length} values at ${end}`,
      )
    }
  }
})

test('R007-105: one changed bit in a header costs that entry only', async (t) => {
  for (const archive of [await small, await tiny, await large]) {
    const { bytes, headers } = archive
    const bit = fc.nat(512 * 8 - 1)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...headers), bit, async (header, at) => {
        const changed = bytes.slice()
        changed[header + (at >> 3)]! ^= 1 << (at & 7)
        const { values, names, faults } = await importOf(inPieces(changed, 65_536))
        const rest = [...archive.values].filter(([, one]) => one.header !== header)
        for (const [key] of rest) t.true(values.has(key), `${key}: bit ${at} of ${header}`)
        for (const [name, one] of archive.names) {
          const isLost = one.header === header || !values.has(one.key)
          t.is(
            names.get(name),
            isLost ? names.get(name) : one.key,
            `${name}: bit ${at} of ${header}`,
          )
        }
        const isWhole = values.size === archive.values.size && names.size === archive.names.size
        t.true(isWhole || faults.length > 0)
        t.true(faults.length <= 2, 'one for the header, one for names without values')
      }),
      { numRuns: 150 },
    )
  }
})

test('R007-105: what follows the end of an archive costs nothing', async (t) => {
  for (const archive of [await small, await tiny, await large]) {
    const { bytes } = archive
    for (const [rest, isFault] of [
      [Buffer.from('x'), true],
      [Buffer.from('\n'), true],
      [Buffer.concat([Buffer.alloc(100_000), Buffer.from('x')]), true],
      [Buffer.from(pattern(5000)), true],
      [bytes, true],
      [Buffer.alloc(1), false],
      [Buffer.alloc(10_240), false],
    ] as const) {
      for (const length of [1000, 1 << 24]) {
        const { values, names, faults } = await importOf(inPieces(concat([bytes, rest]), length))
        t.is(values.size, archive.values.size)
        t.is(names.size, archive.names.size)
        t.deepEqual(
          faults.map(({ code }) => code),
          isFault ? ['unreadable'] : [],
        )
      }
    }
  }
})

test('R007-105: damage in the middle is said in one line, however much there is', async (t) => {
  const archive = await small
  const harmed = archive.bytes.slice()
  const headers = [3, 10, 20].map((index) => [...archive.values.values()][index]!.header)
  for (const header of headers) harmed.fill(0xaa, header, header + 512)
  const { values, faults } = await importOf(once(harmed))
  t.is(values.size, 27)
  const [about, names] = faults.map(({ message }) => message)
  t.is(
    about,
    `cannot read all of the archive: the header at byte ${headers[0]} is damaged (2 more faults follow)`,
  )
  t.regex(names!, /^no such key: .*value\/3/)
  t.is(faults.length, 2)
})

test('R007-105: a header of zeros ends no archive', async (t) => {
  const archive = await small
  const harmed = archive.bytes.slice()
  const [first] = archive.values.values()
  harmed.fill(0, first!.header, first!.header + 512)
  const { values, faults } = await importOf(once(harmed))
  t.is(values.size, 29)
  t.regex(faults[0]!.message, /the header at byte 0 is missing/)
})

test('R007-42: an input that is no tar file is refused before it is read to its end', async (t) => {
  let reads = 0
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (; reads < 1000; reads++) yield pattern(70_000)
  }
  const { faults } = await importOf(endless())
  t.is(faults[0]!.message, 'cannot read the archive: it is not a tar file')
  t.true(reads < 3)
  const { faults: none } = await importOf(inPieces(new Uint8Array(0), 1))
  t.is(none[0]!.message, 'cannot read the archive: it is empty')
  const { faults: ended } = await importOf(once(new Uint8Array(10_240)))
  t.deepEqual(ended, [], 'no entries, and the end')
})

test('R007-105: names without values are counted, and said in one line', async (t) => {
  const archive = await small
  const { bytes, headers, values } = archive
  // The files of names first, then the values, without the last five.
  const entry = (at: number): Uint8Array => {
    const size = Number.parseInt(Buffer.from(bytes.subarray(at + 124, at + 135)).toString(), 8)
    return bytes.subarray(at, at + 512 + Math.ceil(size / 512) * 512)
  }
  const keys = [...values.values()].map(({ header }) => header)
  const pages = headers.filter((header) => !keys.includes(header))
  const moved = concat([...pages, ...keys.slice(0, 25)].map(entry).concat(new Uint8Array(1024)))
  const found = await importOf(once(moved))
  t.is(found.values.size, 25)
  t.is(found.names.size, 50)
  t.is(found.faults.length, 1)
  t.like(found.faults[0], { code: 'not-found' })
  t.is(found.faults[0]!.message.match(/v.lue\/\d+/g)?.length, 10, found.faults[0]!.message)
})

test('R007-105: a changed line of names costs no line before it', async (t) => {
  const { bytes, names } = await tiny
  const harmed = bytes.slice()
  const line = [...names].find(([name]) => name === 'value/7')![1]
  harmed[line.end - 3] = 0xff
  const found = await importOf(once(harmed))
  t.is(found.values.size, 30)
  const before = [...names].filter(([, { end }]) => end < line.end)
  t.true(before.length > 5)
  t.deepEqual(sorted(found.names.keys()), sorted(before.map(([name]) => name)))
  t.deepEqual(
    found.faults.map(({ code }) => code),
    ['unreadable'],
  )
})

const hasTar = (): boolean => {
  try {
    return execFileSync('tar', ['--version']).includes('GNU tar')
  } catch {
    return false
  }
}

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'dstore-tar-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

if (hasTar()) {
  test('R007-106: sparse files of GNU tar are refused by name, and harm nothing', async (t) => {
    const path = folder(t)
    const value = pattern(5000)
    writeFileSync(join(path, keyOf(value)), value)
    for (const holes of [1, 60]) {
      const sparse = keyOf(pattern(holes))
      const file = join(path, sparse)
      writeFileSync(file, '')
      for (let i = 1; i <= holes; i++) {
        truncateSync(file, i * 200_000)
        writeFileSync(file, 'data', { flag: 'a' })
      }
      for (const format of [
        ['--format=gnu'],
        ['--format=oldgnu'],
        ...['0.0', '0.1', '1.0'].map((one) => ['--format=posix', `--sparse-version=${one}`]),
      ]) {
        const archive = join(path, 'sparse.tar')
        execFileSync('tar', ['-S', ...format, '-cf', archive, sparse, keyOf(value)], { cwd: path })
        const { values, faults } = await importOf(inPieces(readFileSync(archive), 10_000))
        t.deepEqual([...values], [keyOf(value)], format.join(' '))
        const messages = faults.map(({ message }) => message)
        t.deepEqual(messages, [`not imported: ${sparse} is a sparse file`], format.join(' '))
      }
    }
  })

  test('R007-105: everything that GNU tar extracts from a harmed archive is imported', async (t) => {
    const path = folder(t)
    const archive = await small
    const { bytes, headers } = archive
    const flipped = bytes.slice()
    flipped[headers[12]! + 130]! ^= 1
    const last = bytes.slice()
    last[Math.max(...headers) + 3]! ^= 16
    for (const [index, harmed] of [
      concat([bytes, Buffer.from('x')]),
      ...[1, 512, 1024, 1025, 30_000, 300_000].map((less) => bytes.subarray(0, -less)),
      flipped,
      last,
    ].entries()) {
      const into = join(path, `${index}`)
      execFileSync('mkdir', [into])
      try {
        execFileSync('tar', ['-x', '-C', into], {
          input: harmed,
          stdio: ['pipe', 'ignore', 'ignore'],
        })
      } catch {
        // It complains, too.
      }
      const { values, names, faults } = await importOf(inPieces(harmed, 4096))
      t.true(faults.length > 0, `${index}`)
      for (const key of archive.values.keys()) {
        const isExtracted = isThere(join(into, key), key)
        t.true(values.has(key) || !isExtracted, `${index} ${key}`)
      }
      const listed = execFileSync('sh', ['-c', 'cat names*.json || true'], { cwd: into }).toString()
      for (const [name, { key }] of archive.names) {
        const isExtracted = listed.includes(JSON.stringify({ name, key }))
        t.true(names.has(name) || !isExtracted || !values.has(key), `${index} ${name}`)
      }
    }
  })
}

function isThere(file: string, key: string): boolean {
  try {
    return keyOf(readFileSync(file)) === key
  } catch {
    return false
  }
}
