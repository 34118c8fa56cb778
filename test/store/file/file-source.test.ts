import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { gather } from '../../../src/bytes.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { PIECE_BYTES } from '../../../src/limits.ts'
import { hashFile, hashSource } from '../../../src/store/file/file-hasher.ts'
import { FileSource } from '../../../src/store/file/file-source.ts'
import { pattern } from '../conformance/suite.ts'
import { same } from '../../hash/sizes.ts'
import { eventually } from '../../eventually.ts'
import { sameBytes } from '../../same-bytes.ts'
import { inTemporary } from '../temporary.ts'
import { StatedFile, SYSTEM_FILES } from './stated-file.ts'

const SIZE = PIECE_BYTES + 1000

/** Lengths around those of a chunk, a small value, one piece and two; the most a read gives. */
const LENGTHS = [
  ...[0, 1, 1023, 1024, 1025, 4096].map((length) => [length, 100] as const),
  ...[16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1].map((length) => [length, 1000] as const),
  ...[-1, 0, 1].map((more) => [PIECE_BYTES + more, 100_000] as const),
  ...[-1, 0, 1].map((more) => [2 * PIECE_BYTES + more, Infinity] as const),
]

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

/** Bytes that a pipe has now. */
function readNow(pipe: number, into: Uint8Array): number {
  try {
    return readSync(pipe, into)
  } catch {
    return 0
  }
}

test('R005-51 a file has the bytes that reading gives, whatever size is stated', async (t) => {
  for (const [length, maxRead] of LENGTHS) {
    const bytes = pattern(length)
    for (const [stated] of LENGTHS) {
      const about = `${length} bytes, ${stated} stated`
      const source = await FileSource.of(new StatedFile(bytes, stated, maxRead), 'file')
      t.is(source.size, stated === length && length > 0 ? length : undefined, about)
      sameBytes(t, await gather(source.readToEnd()), bytes, about)
      const again = await FileSource.of(new StatedFile(bytes, stated, maxRead), 'file')
      t.true(same(await hashSource(again), hash(bytes)), about)
    }
  }
})

test('R005-51 a file whose stated size is no length, and one that cannot seek, is read to its end', async (t) => {
  const bytes = pattern(PIECE_BYTES + 1)
  for (const stated of [-1n, 1n << 53n, (1n << 63n) - 1n]) {
    const source = await FileSource.of(new StatedFile(bytes, stated, 4096), 'file')
    t.is(source.size, undefined)
    sameBytes(t, await gather(source.readToEnd()), bytes)
  }
  const file = new StatedFile(bytes, bytes.byteLength, 4096)
  file.seeks = false
  const source = await FileSource.of(file, 'file')
  t.is(source.size, undefined)
  sameBytes(t, await gather(source.readToEnd()), bytes)
})

test('R005-51 each byte of a file that states no size is read once', async (t) => {
  const file = new StatedFile(pattern(10_000), 0, 1000)
  const source = await FileSource.of(file, 'file')
  await gather(source.readToEnd())
  t.is(file.givenBytes, 10_000)
})

test('R005-52 the last piece of a file that was written to is withheld, whatever its stated size', async (t) => {
  const writes: Record<string, (file: StatedFile) => void> = {
    'another time': (file) => (file.mtimeNs += 1n),
    'another size': (file) => (file.stated += 1n),
  }
  for (const [what, write] of Object.entries(writes)) {
    for (const stated of [0, 2 * PIECE_BYTES, 3 * PIECE_BYTES]) {
      const file = new StatedFile(pattern(2 * PIECE_BYTES), stated, PIECE_BYTES)
      const source = await FileSource.of(file, 'file')
      const pieces = source.readToEnd()
      t.is((await pieces.next()).done, false)
      write(file)
      await t.throwsAsync(pieces.next(), { code: 'changed' }, `${what}, ${stated}`)
    }
  }
})

test('R005-52 a file that grew although its size and times say otherwise is refused', async (t) => {
  const file = new StatedFile(pattern(2 * PIECE_BYTES), 2 * PIECE_BYTES, PIECE_BYTES)
  const source = await FileSource.of(file, 'file')
  const pieces = source.readToEnd()
  t.is((await pieces.next()).done, false)
  file.bytes = pattern(2 * PIECE_BYTES + 1)
  await t.throwsAsync(pieces.next(), { code: 'changed', message: /grew/ })
})

test('R005-51 files of procfs and sysfs are read to their end', async (t) => {
  for (const path of SYSTEM_FILES.filter((one) => existsSync(one))) {
    const source = await FileSource.open(path)
    t.is(source.size, undefined, path)
    sameBytes(t, await gather(source.readToEnd()), readFileSync(path), path)
    await source.close()
    t.true(same(await hashFile(path), hash(readFileSync(path))), path)
  }
  t.pass()
})

test('R007-92 another file than the expected one is not read', async (t) => {
  await withFile(async (path, { identity }) => {
    const known = await FileSource.open(path, identity)
    await known.close()
    for (const other of [
      { ...identity, device: identity.device + 1n },
      { ...identity, inode: identity.inode + (1n << 53n) },
      { ...identity, size: identity.size + 1n },
    ]) {
      await t.throwsAsync(FileSource.open(path, other), { code: 'unreadable', message: /another/ })
    }
    const copy = `${path}.copy`
    copyFileSync(path, copy)
    await t.throwsAsync(FileSource.open(copy, identity), { code: 'unreadable', message: /another/ })
  })
})

test('R007-92 inodes beyond the integers of a number are told apart', async (t) => {
  const file = new StatedFile(pattern(10), 10, 10)
  file.inode = (1n << 53n) + 1n
  const { identity } = await FileSource.of(file, 'file')
  t.is(identity.inode, file.inode)
  file.inode = 1n << 53n
  await t.throwsAsync(FileSource.of(file, 'file', identity), { code: 'unreadable' })
})

test('R007-95 no pipe is opened, so that its writer goes on waiting for a reader', async (t) => {
  await inTemporary(async (directory) => {
    const pipe = join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    await t.throwsAsync(FileSource.open(pipe), { code: 'unreadable', message: /regular/ })
    const writer = spawn('sh', ['-c', 'echo waits; echo kept > "$0"', pipe])
    const ended = once(writer, 'close')
    await once(writer.stdout, 'data')
    for (let i = 0; i < 50; i++) {
      await t.throwsAsync(FileSource.open(pipe), { code: 'unreadable', message: /regular/ })
    }
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
    const bytes = Buffer.alloc(10)
    await eventually((saw) => saw(readNow(reader, bytes)) === 5)
    closeSync(reader)
    t.is(bytes.toString('latin1', 0, 5), 'kept\n')
    t.deepEqual(await ended, [0, null])
  })
})

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
