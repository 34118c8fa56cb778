/** Values whose files were evicted, lost or damaged are read from their objects. */
import { chmod, open, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { gather } from '../../../../src/bytes.ts'
import { GROUP_BYTES, MIB, PIECE_BYTES, SMALL_VALUE_BYTES } from '../../../../src/limits.ts'
import { Layout } from '../../../../src/store/disk/layout.ts'
import { eventually } from '../../../eventually.ts'
import { test } from '../../../serial.ts'
import { adopt, keep, pattern, readAll, release, sameBytes, seal } from '../../conformance/suite.ts'
import { type Archived, withArchived } from './archived.ts'

const AWAY = { code: 'unreachable', message: /cannot read a value/ }
const SIZE = 5 * PIECE_BYTES + 3

const pathOf = (archived: Archived, location: string): string =>
  new Layout(archived.directory).valueFile(location)

/** Ranges that are asked for, by key. */
function gets(archived: Archived): string[] {
  const asked: string[] = []
  archived.bucket.onRequest = ({ verb, key }) => {
    if (verb === 'get') asked.push(key)
  }
  return asked
}

test('R005-112: whole reads at once share one fetch, and the file is here again', async (t) => {
  await withArchived({}, async (archived) => {
    const { store } = archived
    const location = await keep(store, pattern(SIZE), pattern(64))
    await archived.loseFiles()
    await archived.reopen()
    const asked = gets(archived)
    const all = { start: 0, end: SIZE }
    const read = async (): Promise<void> => {
      sameBytes(t, await gather(archived.store.read(location, all)), pattern(SIZE))
    }
    await Promise.all([read(), read(), read(), archived.store.lendFile(location)])
    const once = asked.length
    t.true(once <= 6, `${once} requests`)
    await read()
    t.is(asked.length, once)
    t.is((await stat(pathOf(archived, location))).mode & 0o777, 0o400)
    const { hits, misses, localBytes, fetchedBytes } = (await archived.store.usage()).archived!
    t.deepEqual(
      { misses, localBytes, fetchedBytes },
      { misses: 4, localBytes: SIZE, fetchedBytes: SIZE },
    )
    t.true(hits >= 1)
  })
})

test('R005-112: a range is read without the rest, until a quarter of the value was', async (t) => {
  await withArchived({}, async (archived) => {
    const size = 8 * PIECE_BYTES
    const location = await keep(archived.store, pattern(size))
    await archived.loseFiles()
    await archived.reopen()
    const { store } = archived
    const range = { start: 3 * GROUP_BYTES + 1, end: 4 * GROUP_BYTES }
    sameBytes(
      t,
      await gather(store.read(location, range)),
      pattern(size).subarray(range.start, range.end),
    )
    t.deepEqual(await archived.files(), [])
    for (let at = 0; at < 2 * PIECE_BYTES; at += PIECE_BYTES) {
      await readAll(store, location, at, at + PIECE_BYTES)
    }
    await eventually(async (saw) => saw(await archived.files()).includes(location))
    archived.away()
    sameBytes(t, await readAll(store, location, 0, size), pattern(size))
  })
})

test('R005-112: a reader that leaves ends the fetch, and nothing of it stays', async (t) => {
  await withArchived({ maxBytes: 16 * MIB }, async (archived) => {
    const location = await keep(archived.store, pattern(SIZE))
    await archived.loseFiles()
    await archived.reopen()
    const { store, bucket } = archived
    const aborter = new AbortController()
    bucket.onRequest = ({ verb }) => (verb === 'get' ? 'silent' : 'whole')
    const reading = gather(store.read(location, { start: 0, end: SIZE }, aborter.signal))
    await eventually(async (saw) => saw(await archived.files()).length === 1)
    aborter.abort(new Error('enough'))
    await t.throwsAsync(reading, { message: 'enough' })
    await eventually(async (saw) => saw(await archived.files()).length === 0)
    t.is((await store.usage()).headroomBytes, 16 * MIB)
    // A release ends a fetch, too, and waits for that.
    const all = gather(store.read(location, { start: 0, end: SIZE }))
    await eventually(async (saw) => saw(await archived.files()).length === 1)
    await release(store, location)
    await t.throwsAsync(all, { code: 'removed' })
    t.deepEqual(await archived.files(), [])
    bucket.onRequest = () => 'whole'
  })
})

test('R005-112: with the bucket away what is here is read, and what is not is unreachable', async (t) => {
  await withArchived({}, async (archived) => {
    const [here, gone] = [
      await keep(archived.store, pattern(SIZE)),
      await keep(archived.store, pattern(SIZE)),
    ]
    await rm(pathOf(archived, gone))
    await archived.reopen()
    archived.away()
    const { store } = archived
    sameBytes(t, await readAll(store, here, 0, SIZE), pattern(SIZE))
    for (const end of [1, SIZE]) await t.throwsAsync(readAll(store, gone, 0, end), AWAY)
    await t.throwsAsync(store.lendFile(gone), AWAY)
    t.false(await store.isDamaged(gone))
    archived.away(false)
    sameBytes(t, await readAll(store, gone, 0, SIZE), pattern(SIZE))
  })
})

test('R005-112: a disk without room for a copy does not keep a value from being read', async (t) => {
  await withArchived({ maxBytes: SIZE }, async (archived) => {
    const location = await keep(archived.store, pattern(SIZE))
    await archived.loseFiles()
    const store = await archived.reopen()
    const staging = await store.stage(SIZE - 1)
    sameBytes(t, await readAll(store, location, 0, SIZE), pattern(SIZE))
    t.is(await store.lendFile(location), undefined)
    await t.throwsAsync(store.lendFile(location, true), { code: 'no-space' })
    await staging.discard()
    const lent = await store.lendFile(location, true)
    t.is((await stat(lent!.path)).size, SIZE)
    lent!.giveBack()
  })
})

test('R005-114: a read goes on where a copy on this disk ends too early', async (t) => {
  await withArchived({}, async (archived) => {
    const { store } = archived
    const location = await keep(store, pattern(SIZE), pattern(SMALL_VALUE_BYTES + 1))
    const path = pathOf(archived, location)
    await chmod(path, 0o600)
    await truncate(path, 2 * PIECE_BYTES + 5)
    sameBytes(t, await readAll(store, location, 0, SIZE), pattern(SIZE))
    await t.throwsAsync(stat(path), { code: 'ENOENT' })
    await store.outboard(location)
    await chmod(`${path}.outboard`, 0o600)
    await truncate(`${path}.outboard`, 5)
    sameBytes(t, await store.outboard(location), pattern(SMALL_VALUE_BYTES + 1))
    t.is((await stat(`${path}.outboard`)).size, SMALL_VALUE_BYTES + 1)
  })
})

test('R005-114: only where the object is damaged, too, is a value', async (t) => {
  await withArchived({}, async (archived) => {
    const { store, bucket } = archived
    const location = await keep(store, pattern(SIZE))
    const began = performance.now()
    t.true(await store.dropCopy!(location, began), 'the file was damaged')
    t.true(await store.dropCopy!(location, began), 'another reader of the same file')
    await t.throwsAsync(stat(pathOf(archived, location)), { code: 'ENOENT' })
    await readAll(store, location, 0, SIZE)
    t.true((await archived.files()).includes(location))
    t.false(await store.dropCopy!(location, performance.now()), 'what came again is damaged')
    await store.quarantine(location)
    await t.throwsAsync(readAll(store, location, 0, 1), { code: 'integrity' })
    // A put of the same value makes an object of its own.
    const by = await seal(store, pattern(SIZE))
    await store.replace(location, by)
    await eventually((saw) => saw(bucket.keys()).join() === archived.keyOf(by))
    await archived.loseFiles()
    const again = await archived.reopen()
    sameBytes(t, await readAll(again, location, 0, SIZE), pattern(SIZE))
    t.false(await again.dropCopy!('nowhere', 0).catch(() => false))
    t.false(await again.dropCopy!(await keep(again, pattern(10)), 0))
  })
})

test('R005-114: an object that is missing or too short is integrity', async (t) => {
  await withArchived({}, async (archived) => {
    const location = await keep(archived.store, pattern(SIZE))
    await archived.loseFiles()
    const store = await archived.reopen()
    const { objects } = archived.bucket
    const key = archived.keyOf(location)
    const whole = objects.get(key)!
    objects.set(key, whole.subarray(0, SIZE - 1))
    sameBytes(t, await readAll(store, location, 0, 10), pattern(10))
    for (const damaged of [whole.subarray(0, SIZE - 1), undefined]) {
      if (damaged === undefined) objects.delete(key)
      await t.throwsAsync(readAll(store, location, 0, SIZE), { code: 'integrity' })
      await t.throwsAsync(store.lendFile(location), { code: 'integrity' })
    }
    t.deepEqual(await archived.files(), [])
  })
})

test('R005-113: the opening misses no file that has an object, and deletes what has a wrong length', async (t) => {
  await withArchived({ maxBytes: 64 * MIB }, async (archived) => {
    const { store } = archived
    const outboard = pattern(SMALL_VALUE_BYTES + 1)
    const [whole, gone, cut, bare] = [
      await keep(store, pattern(SIZE), outboard),
      await keep(store, pattern(SIZE), outboard),
      await keep(store, pattern(SIZE), outboard),
      await keep(store, pattern(SIZE), outboard),
    ]
    const path = (location: string): string => pathOf(archived, location)
    await archived.close()
    for (const one of [path(gone), `${path(gone)}.outboard`, path(bare)]) await rm(one)
    await chmod(path(cut), 0o600)
    await truncate(path(cut), 7)
    const part = await open(
      join(new Layout(archived.directory).values, `${gone}.outboard.part`),
      'wx',
    )
    await part.close()
    const again = await archived.open()
    t.deepEqual(again.recovery.damaged, [])
    t.deepEqual(await archived.files(), [
      whole,
      `${whole}.outboard`,
      `${cut}.outboard`,
      `${bare}.outboard`,
    ])
    const { archived: usage, headroomBytes } = await again.usage()
    t.is(usage!.localBytes, SIZE + 2 * outboard.byteLength)
    t.is(headroomBytes, 64 * MIB)
    for (const location of [whole, gone, cut, bare]) {
      sameBytes(t, await again.outboard(location), outboard)
      sameBytes(t, await readAll(again, location, 0, SIZE), pattern(SIZE))
    }
    t.is((await archived.files()).length, 8)
  })
})

test('R005-113: before the first copy is complete a missing file is damage', async (t) => {
  await withArchived({ isComplete: false }, async (archived) => {
    const location = await keep(archived.store, pattern(SIZE))
    await adopt(archived.store, await seal(archived.store, pattern(SIZE)))
    await archived.close()
    await rm(pathOf(archived, location))
    const again = await archived.open()
    t.deepEqual(again.recovery.damaged, [location])
  })
})
