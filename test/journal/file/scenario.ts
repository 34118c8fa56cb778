/** What a process does with a journal in files, and what must be so afterwards. */
import assert from 'node:assert/strict'
import type { JournalFiles } from '../../../src/journal/file/files.ts'
import { openFileJournal } from '../../../src/journal/file/file-journal.ts'
import { AppendError, type Journal } from '../../../src/journal/journal.ts'
import { pattern } from '../tools.ts'
import type { SimDisk } from './sim-disk.ts'

export const DIRECTORY = '/state/journal'

/** So small that a few entries fill a segment. */
const SIZES = { firstSegmentBytes: 24 * 1024, segmentBytes: 48 * 1024 }

/** Entries from less than a block to more than the first segment. */
const LENGTHS = [10, 4000, 5000, 100, 12_000, 30_000, 1]

/** What processes were told of the entries that they appended. */
export class Told {
  /** By position: what was acknowledged. */
  readonly there: Map<number, Uint8Array> = new Map()
  /** What is certain not to be there, as text. */
  readonly absent: Set<string> = new Set()
  /** By position: what may be there. */
  readonly inDoubt: Map<number, Uint8Array[]> = new Map()
  trimmed = 0
  count = 0

  next(): Uint8Array {
    const number = ++this.count
    const length = LENGTHS[number % LENGTHS.length]!
    const entry = pattern(16 + length, number)
    entry.set(new TextEncoder().encode(`${number}`.padStart(16)))
    return entry
  }
}

const nameOf = (entry: Uint8Array): string => Buffer.from(entry.subarray(0, 16)).toString()

export function open(
  files: JournalFiles,
  platform: { flushesDrive: boolean } = { flushesDrive: true },
): Promise<Journal> {
  // Never the same, in any process.
  const random = (length: number): Uint8Array => Buffer.from(`${++salts}`.padStart(length, '0'))
  return openFileJournal({ directory: DIRECTORY, ...SIZES }, { files, random, platform })
}

let salts = 0

/** Appends, and notes what it hears. False once nothing more can be appended. */
export async function append(journal: Journal, told: Told, last: number): Promise<boolean> {
  const entry = told.next()
  const position = last + 1
  const doubts = told.inDoubt.get(position) ?? []
  told.inDoubt.set(position, [...doubts, entry])
  try {
    assert.equal(await journal.append(last, entry), 'ok')
    told.there.set(position, entry)
    told.inDoubt.delete(position)
    return true
  } catch (error) {
    assert.ok(error instanceof AppendError, String(error))
    if (error.outcome === 'ended') return false
    told.absent.add(nameOf(entry))
    told.inDoubt.set(position, doubts)
    return true
  }
}

/** Opens, appends, trims and closes, as far as it gets. */
export async function live(
  files: JournalFiles,
  told: Told,
  { appends, platform }: { appends: number; platform?: { flushesDrive: boolean } },
): Promise<void> {
  const journal = await open(files, platform)
  let { last } = await journal.extent()
  settle(told, last)
  for (let i = 0; i < appends; i++) {
    if (!(await append(journal, told, last))) return
    const { last: now } = await journal.extent()
    last = now
    if (i % 6 === 5) {
      told.trimmed = Math.max(told.trimmed, last - 3)
      await journal.trim(last - 3).catch(() => undefined)
    }
  }
  await journal.close()
}

/**
 * What an opening found is settled: it is there from now on, and what is not there never will be.
 */
function settle(told: Told, last: number): void {
  for (const [position, entries] of told.inDoubt) {
    if (position > last) for (const entry of entries) told.absent.add(nameOf(entry))
  }
}

/** Opens what was left; everything that was told is so. Returns the end. */
export async function check(disk: SimDisk, told: Told): Promise<number> {
  const journal = await open(disk.files())
  const { first, last } = await journal.extent()
  assert.ok(first <= told.trimmed + 1, `entries from ${first}, trimmed to ${told.trimmed}`)
  for (const position of told.there.keys()) assert.ok(position <= last, `${position} is missing`)
  for (let position = first; position <= last; position++) {
    const found = await journal.at(position)
    assert.ok(found instanceof Uint8Array, `${position} is ${String(found)}`)
    assert.ok(!told.absent.has(nameOf(found)), `${position} was said not to be there`)
    const expected = told.there.get(position)
    const possible = expected === undefined ? (told.inDoubt.get(position) ?? []) : [expected]
    const same = possible.find((entry) => Buffer.compare(entry, found) === 0)
    assert.ok(same !== undefined, `${position} is another entry`)
    // It was seen: from now on it must stay.
    told.there.set(position, same)
    told.inDoubt.delete(position)
  }
  settle(told, last)
  await journal.close()
  return last
}
