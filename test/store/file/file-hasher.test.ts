import { execFile } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  linkSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, open, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { test } from '../../serial.ts'
import { gather } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { ErrorCode } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import {
  GROUP_BYTES,
  HASH_THREAD_IDLE_MS,
  MIB,
  PARALLEL_HASH_BYTES,
  PIECE_BYTES,
} from '../../../src/limits.ts'
import { hashFile, hashSource } from '../../../src/store/file/file-hasher.ts'
import { FileSource } from '../../../src/store/file/file-source.ts'
import { BLAKE3_SIZES, TREE_SIZES, pattern, same } from '../../hash/sizes.ts'

const run = promisify(execFile)

let folder: string
let files = 0
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dstore-file-hasher-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

async function fileOf(bytes: Uint8Array): Promise<string> {
  const path = join(folder, `file-${files++}`)
  await writeFile(path, bytes)
  return path
}

/** A file of zeros that takes no space, with some bytes that are none. */
async function sparseFile(size: number): Promise<string> {
  const path = await fileOf(new Uint8Array(0))
  await truncate(path, size)
  const handle = await open(path, 'r+')
  await handle.write(Buffer.from('the end'), 0, 7, size - 7)
  await handle.write(Buffer.from('somewhere'), 0, 9, Math.floor(size / 3))
  await handle.close()
  return path
}

const fault = (code: ErrorCode, message?: RegExp) => ({
  instanceOf: DstoreError,
  code,
  message: message ?? /./,
})

test('R002-8: a file of any size has the digest and outboard of its bytes', async (t) => {
  for (const size of new Set([...BLAKE3_SIZES, ...TREE_SIZES, PIECE_BYTES, 3 * PIECE_BYTES + 1])) {
    const value = pattern(size)
    t.true(same(await hashFile(await fileOf(value)), hash(value)), `${size} bytes`)
  }
})

test('R002-8: threads give what one thread gives, whatever the last piece and the groups are', async (t) => {
  const tails = [1, 1024, GROUP_BYTES, GROUP_BYTES + 1, PIECE_BYTES / 2 + 5, PIECE_BYTES]
  for (const pieces of [1, 2, 3, 5]) {
    for (const tail of tails) {
      const value = pattern(pieces * PIECE_BYTES + tail)
      const path = await fileOf(value)
      for (const groupBytes of [1024, GROUP_BYTES, 262_144]) {
        const got = await hashFile(path, { groupBytes, parallelBytes: 0 })
        t.true(same(got, hash(value, { groupBytes })), `${value.byteLength} bytes, ${groupBytes}`)
      }
      await unlink(path)
    }
  }
})

test('R002-8: a large file is hashed in threads, and progress ends at its size', async (t) => {
  const size = PARALLEL_HASH_BYTES + 12_345
  const path = await sparseFile(size)
  const seen: (number | undefined)[] = []
  const hashed = await hashFile(path, { onProgress: (done, total) => seen.push(done, total) })
  t.is(hashed.size, size)
  t.is(seen.length, 2 * 65)
  t.deepEqual(seen.slice(-2), [size, size])
  t.true(same(await hashFile(path, { parallelBytes: Infinity }), hashed))
})

test('an open file is hashed from its start, and stays open', async (t) => {
  const value = pattern(100_000)
  const source = await FileSource.open(await fileOf(value))
  await gather(source.read({ start: 10, end: 20 }))
  t.true(same(await hashSource(source), hash(value)))
  t.true(same(await hashSource(source), hash(value)))
  await source.close()
})

test('R002-9: what cannot be read is refused, with the reason', async (t) => {
  await t.throwsAsync(hashFile(join(folder, 'none')), fault('unreadable', /no such file/))
  await t.throwsAsync(hashFile(folder), fault('unreadable', /is a directory/))
  await t.throwsAsync(hashFile('/dev/zero'), fault('unreadable', /not a regular file/))
  const pipe = join(folder, 'pipe')
  await run('mkfifo', [pipe])
  await t.throwsAsync(hashFile(pipe), fault('unreadable', /not a regular file/))
  const loop = join(folder, 'loop')
  await symlink(loop, loop)
  await t.throwsAsync(hashFile(loop), fault('unreadable', /symbolic links/))
})

/** What may be done to a file while it is read, at once, and shows. */
const CHANGES: readonly (readonly [title: string, change: (path: string) => void])[] = [
  ['grows', (path) => appendFileSync(path, 'more')],
  ['shrinks', (path) => truncateSync(path, 10)],
  ['is cut to nothing', (path) => truncateSync(path, 0)],
  ['is written to', (path) => writeFileSync(path, 'x', { flag: 'r+' })],
]

/** What leaves its bytes as they are. */
const NO_CHANGES: readonly (readonly [title: string, change: (path: string) => void])[] = [
  ['gets a second link', (path) => linkSync(path, `${path}.link`)],
  ['gets another name', (path) => renameSync(path, `${path}.new`)],
  ['gets another mode', (path) => chmodSync(path, 0o400)],
  ['gets another time of access', (path) => utimesSync(path, 9, 1)],
  ['loses its name', (path) => rmSync(path)],
  ['is replaced', (path) => (rmSync(path), writeFileSync(path, pattern(1000)))],
]

for (const parallelBytes of [0, Infinity]) {
  const where = parallelBytes === 0 ? 'in threads' : 'on this thread'
  for (const [title, change] of CHANGES) {
    test(`R002-9: a file that ${title} while it is hashed ${where} is refused`, async (t) => {
      const path = await fileOf(pattern(3 * MIB))
      // File systems count time in ticks of some milliseconds: a change in the tick of the first
      // write is not seen.
      await setTimeout(20)
      let progress = 0
      const onProgress = (): void => {
        if (progress++ === 0) change(path)
      }
      await t.throwsAsync(hashFile(path, { parallelBytes, onProgress }), fault('changed'))
    })
  }

  for (const [title, change] of NO_CHANGES) {
    test(`R002-9: a file that ${title} while it is hashed ${where} has the key of its bytes`, async (t) => {
      const value = pattern(3 * MIB)
      const path = await fileOf(value)
      utimesSync(path, 1, 1)
      let progress = 0
      const onProgress = (): void => {
        if (progress++ === 0) change(path)
      }
      t.true(same(await hashFile(path, { parallelBytes, onProgress }), hash(value)))
      t.true(progress > 0)
    })
  }

  test(`R005-53: a write ${where} that sets the times back gives the key of the bytes that were read`, async (t) => {
    const value = pattern(3 * MIB)
    const edited = value.slice()
    edited[3 * MIB - 1]! ^= 1
    const path = await fileOf(value)
    utimesSync(path, 1, 1)
    let progress = 0
    const onProgress = (): void => {
      if (progress++ > 0) return
      writeFileSync(path, edited, { flag: 'r+' })
      utimesSync(path, 1, 1)
    }
    const hashed = await hashFile(path, { parallelBytes, onProgress })
    // A thread may have read the last piece first.
    const expected = parallelBytes === 0 ? [hash(value), hash(edited)] : [hash(edited)]
    t.true(expected.some((one) => same(one, hashed)))
  })

  test(`R002-10: cancelled ${where}, it ends promptly and with the signal's reason`, async (t) => {
    const path = await sparseFile(4 * 1024 * MIB)
    const abort = new AbortController()
    let progress = 0
    const onProgress = (): void => {
      if (++progress === 3) abort.abort()
    }
    const options = { parallelBytes, onProgress, signal: abort.signal }
    await t.throwsAsync(hashFile(path, options), fault('cancelled'))
    t.true(progress < 200, `${progress} pieces`)
    await t.throwsAsync(hashFile(path, options), fault('cancelled'))
    const reason = new DstoreError('timeout', 'too late')
    const signal = AbortSignal.abort(reason)
    t.is(await t.throwsAsync(hashFile(path, { parallelBytes, signal })), reason)
  })
}

test('R002-10: many files at once, some cancelled, do not disturb each other', async (t) => {
  const value = pattern(5 * MIB + 77)
  const expected = hash(value)
  const path = await fileOf(value)
  const calls = Array.from({ length: 12 }, async (_, i) => {
    const abort = new AbortController()
    const onProgress = (): void => {
      if (i % 3 === 0) abort.abort()
    }
    const hashing = hashFile(path, { parallelBytes: 0, onProgress, signal: abort.signal })
    if (i % 3 === 0) await t.throwsAsync(hashing, fault('cancelled'))
    else t.true(same(await hashing, expected))
  })
  await Promise.all(calls)
})

test('a caller whose progress report throws gets its own error, and the threads go on to the next file', async (t) => {
  const value = pattern(3 * MIB + 1)
  const path = await fileOf(value)
  for (const parallelBytes of [0, Infinity]) {
    const oops = new Error('oops')
    const onProgress = (): void => {
      throw oops
    }
    t.is(await t.throwsAsync(hashFile(path, { parallelBytes, onProgress })), oops)
    t.true(same(await hashFile(path, { parallelBytes }), hash(value)))
  }
})

test('R002-10: idle threads keep no process alive', async (t) => {
  const path = await fileOf(pattern(2 * MIB))
  const module = new URL('../../../src/store/file/file-hasher.js', import.meta.url).href
  const script = `
    import { hashFile } from ${JSON.stringify(module)}
    await hashFile(${JSON.stringify(path)}, { parallelBytes: 0 })
    const done = performance.now()
    process.on('exit', () => console.log(performance.now() - done))
  `
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script])
  t.true(Number(stdout) < HASH_THREAD_IDLE_MS / 2, `${stdout} ms`)
})
