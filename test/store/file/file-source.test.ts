import { execFileSync } from 'node:child_process'
import { appendFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { gather } from '../../../src/bytes.ts'
import { PIECE_BYTES } from '../../../src/limits.ts'
import { FileSource } from '../../../src/store/file/file-source.ts'
import { pattern } from '../conformance/suite.ts'
import { inTemporary } from '../temporary.ts'

const SIZE = PIECE_BYTES + 1000

async function withFile(run: (path: string, source: FileSource) => Promise<void>): Promise<void> {
  await inTemporary(async (directory) => {
    const path = join(directory, 'file')
    writeFileSync(path, pattern(SIZE))
    utimesSync(path, 1, 1)
    const source = await FileSource.open(path)
    try {
      await run(path, source)
    } finally {
      await source.close()
    }
  })
}

test('a file is read in pieces, whole and in ranges', async (t) => {
  await withFile(async (_, source) => {
    t.is(source.size, SIZE)
    for (const [start, end] of [
      [0, SIZE],
      [0, 0],
      [PIECE_BYTES - 1, PIECE_BYTES + 1],
      [SIZE - 1, SIZE],
    ] as const) {
      const bytes = await gather(source.read({ start, end }))
      t.is(Buffer.compare(bytes, pattern(SIZE).subarray(start, end)), 0)
    }
    await t.notThrowsAsync(source.checkUnchanged())
  })
})

test('a change after the opening is noticed by length or by time, each without the other', async (t) => {
  await withFile(async (path, source) => {
    appendFileSync(path, 'more')
    utimesSync(path, 1, 1)
    await t.throwsAsync(source.checkUnchanged(), { code: 'changed' })
  })
  await withFile(async (path, source) => {
    writeFileSync(path, 'x', { flag: 'r+' })
    await t.throwsAsync(source.checkUnchanged(), { code: 'changed' })
  })
})

test('a file that has become shorter is refused where its bytes are missing', async (t) => {
  await withFile(async (path, source) => {
    truncateSync(path, PIECE_BYTES)
    const pieces = source.read({ start: 0, end: SIZE })
    t.false((await pieces.next()).done)
    await t.throwsAsync(pieces.next(), { code: 'changed' })
  })
})

test('only regular files are opened, and a named pipe does not block', async (t) => {
  await inTemporary(async (directory) => {
    const pipe = join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    for (const path of [pipe, directory, join(directory, 'none'), '/dev/zero']) {
      await t.throwsAsync(FileSource.open(path), { code: 'unreadable' }, path)
    }
  })
})
