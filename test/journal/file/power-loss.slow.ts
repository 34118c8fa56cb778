/**
 * Power cuts of a real file system: the journal lies in an image, which is copied as the disk would
 * be found, between appends and while segments are prepared. Needs root, to mount it.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openFileJournal } from '../../../src/journal/file/file-journal.ts'
import { DISK } from '../../disk.ts'
import { test } from '../../serial.ts'
import { seeded } from '../../wire/seeded.ts'
import { pattern } from '../tools.ts'

const ROUNDS = Number(process.env['DSTORE_RUNS'] ?? 60)
const SIZES = { firstSegmentBytes: 64 * 1024, segmentBytes: 256 * 1024 }

/** No write reaches the image by the passing of time: only by a sync. */
const MOUNT = 'loop,commit=600,noatime'

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

function canMount(): boolean {
  try {
    return (
      process.getuid?.() === 0 && existsSync('/dev/loop-control') && run('mkfs.ext4', '-V') === ''
    )
  } catch {
    return false
  }
}

/** The journal in a copy of the image has all that was acknowledged, and nothing else. */
async function checkCopy(
  parent: string,
  first: number,
  last: number,
  lengths: readonly number[],
): Promise<void> {
  const copy = join(parent, 'copy')
  copyFileSync(join(parent, 'image'), copy)
  const mounted = join(parent, 'mounted')
  mkdirSync(mounted)
  run('mount', '-o', 'loop', copy, mounted)
  try {
    const journal = await openFileJournal({ directory: join(mounted, 'journal'), ...SIZES })
    const extent = await journal.extent()
    assert.ok(extent.first <= first, `from ${extent.first}, not ${first}`)
    assert.equal(extent.last, last)
    for (let position = extent.first; position <= last; position++) {
      const found = (await journal.at(position)) as Uint8Array
      assert.equal(Buffer.compare(found, pattern(lengths[position - 1]!, position)), 0)
    }
    assert.equal(await journal.append(last, pattern(10)), 'ok')
    await journal.close()
  } finally {
    run('umount', mounted)
    rmSync(mounted, { recursive: true })
    rmSync(copy)
  }
}

test(`R009-40, R009-43 ${ROUNDS} power cuts of a file system, and nothing acknowledged is lost`, async (t) => {
  t.timeout(20 * 60_000)
  if (!canMount()) {
    t.log('SKIPPED: not root, or no loop devices')
    t.pass()
    return
  }
  const parent = await mkdtemp(join(DISK, 'dstore-journal-'))
  const disk = join(parent, 'disk')
  run('truncate', '--size=32M', join(parent, 'image'))
  run('mkfs.ext4', '-q', '-F', join(parent, 'image'))
  mkdirSync(disk)
  run('mount', '-o', MOUNT, join(parent, 'image'), disk)
  try {
    const random = seeded(7)
    const lengths: number[] = []
    const open = { directory: join(disk, 'journal'), ...SIZES }
    let journal = await openFileJournal(open)
    let first = 1
    for (let round = 0; round < ROUNDS; round++) {
      const appends = 1 + Math.floor(random() * 12)
      for (let i = 0; i < appends; i++) {
        const length = 1 + Math.floor(random() ** 3 * 50_000)
        lengths.push(length)
        const position = lengths.length
        assert.equal(await journal.append(position - 1, pattern(length, position)), 'ok')
      }
      if (random() < 0.4) {
        first = lengths.length - 5
        await journal.trim(first - 1 < 0 ? 0 : first - 1)
      }
      await checkCopy(parent, Math.max(1, first), lengths.length, lengths)
      if (random() < 0.2) {
        await journal.close()
        journal = await openFileJournal(open)
      }
    }
    await journal.close()
    t.pass()
  } finally {
    run('umount', disk)
    await rm(parent, { recursive: true })
  }
})
