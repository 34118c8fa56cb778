/** The folder of cached files: whose it is, who may read it, and what is left of it. */
import { test } from '../../serial.ts'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { DstoreError } from '../../../src/errors.ts'
import { FILES_IN_FLIGHT_BYTES, MIB, PIECES_AHEAD, SEGMENT_BYTES } from '../../../src/limits.ts'
import { UnlinkedBytes } from '../../../src/node/files/unlinked-bytes.ts'
import { openCacheFolder } from '../../../src/store/cached/cache-folder.ts'
import { mountUse, type MountUse } from '../../../src/store/cached/mount.ts'
import { inTemporary } from '../../store/temporary.ts'
import { codeOf, fill, filesBelow, open, receive, sample, withTier } from './tier.ts'

const mode = (path: string): number => statSync(path).mode & 0o777

test('R003-145 with a group the folder is 0750 and files are 0440, else 0700 and 0400', async (t) => {
  for (const groupId of [undefined, process.getgid!()]) {
    await withTier(
      8 * MIB,
      async ({ tier, directory }) => {
        const { path } = await fill(tier, sample(5, 1))
        const folders = [directory, tier.folder, dirname(path!)]
        const isGroup = groupId !== undefined
        t.deepEqual(folders.map(mode), Array(3).fill(isGroup ? 0o750 : 0o700))
        t.is(mode(path!), isGroup ? 0o440 : 0o400)
        t.is(mode(join(tier.folder, 'parts')), 0o700)
      },
      { groupId },
    )
  }
})

test('R003-145 a folder that was open to others is closed to them, and a link is refused', async (t) => {
  await inTemporary(async (parent) => {
    const directory = join(parent, 'cache')
    mkdirSync(directory)
    chmodSync(directory, 0o777)
    const { tier } = await open(directory, 8 * MIB)
    t.is(mode(directory), 0o700)
    await tier.close()
    const link = join(parent, 'link')
    symlinkSync(directory, link)
    t.is(await codeOf(() => open(link, 8 * MIB)), 'unwritable')
    writeFileSync(join(parent, 'file'), '')
    t.is(await codeOf(() => open(join(parent, 'file'), 8 * MIB)), 'unwritable')
  })
})

const SHARED_MEMORY = '/dev/shm'
const hasSharedMemory =
  existsSync(SHARED_MEMORY) && mountUse(SHARED_MEMORY).kind === 'shared-memory'

/** Runs with a folder there that is gone afterwards; where there is none, it does nothing. */
async function onSharedMemory(run: (directory: string) => Promise<void>): Promise<void> {
  if (!hasSharedMemory) return
  const directory = mkdtempSync(join(SHARED_MEMORY, 'dstore-test-'))
  try {
    await run(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

test('R003-153 on shared memory nothing outlives a stop, nor the start after a kill', async (t) => {
  await onSharedMemory(async (directory) => {
    const killed = await open(directory, 8 * MIB)
    await fill(killed.tier, sample(SEGMENT_BYTES, 1))
    const stopped = await open(directory, 8 * MIB)
    t.deepEqual([...stopped.tier.values()], [])
    t.is(filesBelow(directory).size, 0)
    await fill(stopped.tier, sample(SEGMENT_BYTES, 2))
    await stopped.tier.close()
    t.is(filesBelow(directory).size, 0)
  })
})

test('R003-155 what readers of removed values hold is told, until they let it go', async (t) => {
  await onSharedMemory(async (directory) => {
    const { tier } = await open(directory, 64 * MIB)
    const [one, other] = [sample(8 * MIB, 1), sample(8 * MIB, 2)]
    const { path } = await fill(tier, one)
    await fill(tier, other)
    t.is(tier.status().removedHeldBytes, 0)
    const reader = openSync(path!, 'r')
    const headroomBytes = tier.headroomBytes
    tier.remove(one.key)
    tier.remove(other.key)
    const lost = headroomBytes - tier.headroomBytes
    t.true(lost > 7.9 * MIB && lost <= 8 * MIB, 'it counts against the budget')
    t.is(tier.status().usedBytes, 0)
    const held = tier.status().removedHeldBytes!
    // Others may use the file system meanwhile.
    t.true(held > 7.9 * MIB && held < 12 * MIB, `${held} bytes`)
    t.is(readSync(reader, Buffer.alloc(1), 0, 1, 5 * MIB), 1, 'it can still be read')
    closeSync(reader)
    t.true(tier.status().removedHeldBytes! < 4 * MIB)
    t.true(tier.headroomBytes >= headroomBytes - 4 * MIB)
    await tier.close()
  })
})

test('R003-156 what is received into files takes a bounded share of memory', async (t) => {
  await withTier(1024 * MIB, async ({ tier }) => {
    const size = 20 * SEGMENT_BYTES
    const share = (PIECES_AHEAD + 1) * SEGMENT_BYTES
    const { signal } = new AbortController()
    const all = Array.from({ length: 10 }, (_, i) =>
      tier.prepare(sample(1, i).key, size, 1)!.receive(),
    )
    let begun = 0
    const beginning = all.map((receiver) => receiver.begin!(signal).then(() => begun++))
    await new Promise((resolve) => setImmediate(resolve))
    t.is(begun, Math.floor(FILES_IN_FLIGHT_BYTES / share))
    for (const receiver of all) receiver.end()
    await Promise.all(beginning)
    t.is(begun, 10)
    const late = tier.peek(sample(1, 0).key)!.receive()
    await late.begin!(signal)
    late.end()
    const aborted = AbortSignal.abort(new DstoreError('cancelled', 'no more'))
    t.is(await codeOf(() => late.begin!(aborted)), 'cancelled')
  })
})

test('R003-141 what arrives in parts, twice, or after the end of a transfer is kept right', async (t) => {
  await withTier(64 * MIB, async ({ tier }) => {
    const one = sample(2 * SEGMENT_BYTES, 1)
    const value = tier.prepare(one.key, one.bytes.byteLength, 1)!
    const release = value.use()
    tier.claim(value, { start: 0, end: value.size })
    const receiver = value.receive()
    const memory = receiver.memoryFor({ start: 0, end: SEGMENT_BYTES })
    const half = SEGMENT_BYTES / 2
    memory.set(one.bytes.subarray(0, half))
    const pairs = [{ outboardOffset: 0, bytes: one.outboard }]
    await receiver.keep({ start: 0, bytes: memory.subarray(0, half), isWhole: false, pairs })
    memory.set(one.bytes.subarray(half, SEGMENT_BYTES), half)
    const rest = { start: half, bytes: memory.subarray(half), isWhole: false, pairs: [] }
    // Two sources may send the same.
    await Promise.all([receiver.keep(rest), receive(value, one)])
    receiver.end()
    t.throws(() => receiver.memoryFor({ start: 0, end: 1 }), { message: /abandoned/ })
    tier.settle(value)
    release()
    t.true(value.isWhole)
    t.is(Buffer.compare(readFileSync(value.path!), one.bytes), 0)
  })
})

test('R003-155 what others use on the file system does not count', (t) => {
  let usedBytes = 1000
  let ownBytes = 300
  const use = (): MountUse => ({ kind: 'shared-memory', freeBytes: 0, usedBytes })
  const unlinked = new UnlinkedBytes(use, () => ownBytes)
  const unlink = (bytes: number, freedBytes: number): void =>
    unlinked.unlinking(bytes, () => {
      ownBytes -= bytes
      usedBytes -= freedBytes
    })
  unlink(100, 100)
  t.is(unlinked.bytes, 0, 'it was freed at once')
  unlink(100, 98)
  t.is(unlinked.bytes, 0, 'nearly all of it')
  usedBytes += 50
  t.is(unlinked.bytes, 0, 'others wrote')
  unlink(50, 0)
  t.is(unlinked.bytes, 50)
  usedBytes += 40
  ownBytes += 40
  t.is(unlinked.bytes, 50, 'this node wrote')
  unlink(20, 0)
  t.is(unlinked.bytes, 70)
  usedBytes -= 30
  t.is(unlinked.bytes, 40, 'a part was closed')
  usedBytes += 500
  t.is(unlinked.bytes, 40, 'never more than was left')
  usedBytes -= 540
  t.is(unlinked.bytes, 0)
  usedBytes += 100
  t.is(unlinked.bytes, 0)
})

test('R003-145 earlier folders have new names before anything else is done', async (t) => {
  await inTemporary(async (directory) => {
    const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length))
    const first = openCacheFolder({ directory, random })
    const second = openCacheFolder({ directory, random })
    t.false(existsSync(first.folder.path))
    t.is(second.earlier.length, 1)
    t.regex(second.earlier[0]!, /\/left-[0-9a-f]{32}$/)
    t.true(existsSync(second.earlier[0]!))
    t.not(first.folder.path, second.folder.path)
  })
})

test('R003-145 the folder of another user is refused', async (t) => {
  await inTemporary(async (parent) => {
    const directory = join(parent, 'cache')
    mkdirSync(directory)
    // Only root can give a folder away.
    const isRoot = process.getuid!() === 0
    if (isRoot) chownSync(directory, 12_345, 12_345)
    const code = await codeOf(async () => (await open(directory, 8 * MIB)).tier.close())
    t.is(code, isRoot ? 'not-permitted' : undefined)
    t.is(filesBelow(directory).size, 0)
    if (isRoot) t.is(statSync(directory).uid, 12_345)
  })
})

test('R003-142 where a folder cannot be renamed, its files are still found and unlinked', async (t) => {
  let next = 0
  const random = (length: number): Uint8Array => new Uint8Array(length).fill(next++)
  const name = `boot-${'01'.repeat(16)}`
  await withTier(
    8 * MIB,
    async ({ tier, directory }) => {
      const value = await fill(tier, sample(MIB, 1))
      const { path } = value
      // A folder that is not empty is in the way.
      mkdirSync(join(directory, name, 'mine'), { recursive: true })
      t.throws(() => tier.moveAway(new DstoreError('unreachable', 'the lease is over')))
      t.true(existsSync(path!))
      tier.remove(value.key)
      t.false(existsSync(path!))
    },
    { random },
  )
})
