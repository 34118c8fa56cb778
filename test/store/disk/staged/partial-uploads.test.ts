import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { test } from '../../../serial.ts'
import { gather } from '../../../../src/bytes.ts'
import { GROUP_BYTES, UNFINISHED_MS } from '../../../../src/limits.ts'
import { openDiskStore } from '../../../../src/store/disk/disk.ts'
import { nodeFiles } from '../../../../src/store/disk/files.ts'
import { Layout } from '../../../../src/store/disk/layout.ts'
import { PartialUploads } from '../../../../src/store/disk/staged/partial-uploads.ts'
import { pattern, readAll } from '../../conformance/suite.ts'
import { inTemporary } from '../../temporary.ts'

const ids = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string]

const SIZE = 3 * GROUP_BYTES

/** Partial uploads of three groups, a minute apart, the first id being the oldest; and a clock. */
async function withThree(
  run: (
    partials: PartialUploads,
    clock: { nowMs: number; elapsedMs: number },
    layout: Layout,
  ) => Promise<void>,
): Promise<void> {
  await inTemporary(async (directory) => {
    const layout = new Layout(directory)
    const clock = { nowMs: 1_000_000_000_000, elapsedMs: 0 }
    const partials = new PartialUploads(nodeFiles, layout, {
      wall: () => clock.nowMs,
      elapsed: () => clock.elapsedMs,
    })
    await mkdir(layout.values, { recursive: true })
    for (const id of ids) {
      const path = layout.partialFile(id)
      await writeFile(path, pattern(SIZE + 5))
      await utimes(path, clock.nowMs / 1000, clock.nowMs / 1000)
      if (!(await partials.restore(id))) throw new Error('it was not kept')
      clock.nowMs += 60_000
    }
    await run(partials, clock, layout)
  })
}

test('R005-43: the oldest partial uploads are deleted beyond the limit', async (t) => {
  await withThree(async (partials, _, layout) => {
    t.is(partials.bytes, 3 * SIZE)
    await partials.trim(2 * SIZE)
    t.deepEqual(
      ids.map((id) => partials.bytesOf(id)),
      [0, SIZE, SIZE],
    )
    t.deepEqual(
      (await readdir(layout.values)).toSorted(),
      ids.slice(1).map((id) => `${id}.part`),
    )
    await partials.trim(SIZE - 1)
    t.is(partials.bytes, 0)
    t.deepEqual(await readdir(layout.values), [])
  })
})

test('R005-43: a partial upload is deleted once it is a day old', async (t) => {
  await withThree(async (partials, _, layout) => {
    // The first is as old as one may be, and then a millisecond older.
    await partials.expire(1_000_000_000_000 + UNFINISHED_MS)
    t.is(partials.bytesOf(ids[0]), SIZE)
    await partials.expire(1_000_000_000_000 + UNFINISHED_MS + 1)
    t.is(partials.bytesOf(ids[0]), 0)
    t.is(partials.bytesOf(ids[1]), SIZE)
    await t.throwsAsync(partials.claim(ids[0], GROUP_BYTES), { code: 'busy' })
    t.is(partials.bytes, 2 * SIZE)
    t.false((await readdir(layout.values)).includes(`${ids[0]}.part`))
  })
})

test('R004-63 R005-43: no partial upload is deleted by the clock of the machine itself', async (t) => {
  await withThree(async (partials, clock) => {
    clock.nowMs += 400 * UNFINISHED_MS
    await partials.trim()
    t.is(partials.bytes, 3 * SIZE)
    t.true(await partials.claim(ids[0], GROUP_BYTES), 'it is resumed, and verified as ever')
  })
})

test('R004-65: a partial upload that this process keeps is as old as the elapsed clock says, at most', async (t) => {
  await withThree(async (partials, clock) => {
    const [id] = ids
    t.true(await partials.claim(id, GROUP_BYTES))
    await partials.keep(id, SIZE)
    // The wall clock is set forward.
    clock.elapsedMs += UNFINISHED_MS
    await partials.expire(clock.nowMs + 400 * UNFINISHED_MS)
    t.is(partials.bytesOf(id), SIZE)
    clock.elapsedMs++
    await partials.expire(clock.nowMs + 400 * UNFINISHED_MS)
    t.is(partials.bytesOf(id), 0)
  })
})

test('R005-43: one staging at a time writes a partial upload', async (t) => {
  await withThree(async (partials) => {
    const [id] = ids
    t.true(await partials.claim(id, GROUP_BYTES))
    t.is(partials.bytesOf(id), 0)
    await t.throwsAsync(partials.claim(id, GROUP_BYTES), { code: 'busy' })
    t.false(await partials.claim(id, 0), 'another one starts separately')
    await partials.keep(id, SIZE)
    t.true(await partials.claim(id, SIZE))
    partials.release(id)
    t.true(await partials.claim(id, 0))
  })
})

test('R005-43: an upload that starts over replaces what was kept', async (t) => {
  await inTemporary(async (directory) => {
    const store = await openDiskStore({ directory, maxBytes: 10 * SIZE })
    const id = new Uint8Array(32).fill(0xaa)
    const first = await store.stage(SIZE, { id, from: 0 })
    await first.write(new Uint8Array(SIZE).fill(1))
    await first.suspend()
    t.is(await store.partialBytes(id), SIZE)
    const second = await store.stage(SIZE, { id, from: 0 })
    await second.write(pattern(SIZE))
    const location = await second.seal(new Uint8Array(0))
    t.is(Buffer.compare(await readAll(store, location, 0, SIZE), pattern(SIZE)), 0)
    await second.discard()
    t.is(await store.partialBytes(id), 0)
    await store.close()
  })
})

test('R005-25: a resumption that is refused reserves nothing', async (t) => {
  await inTemporary(async (directory) => {
    const store = await openDiskStore({ directory, maxBytes: SIZE })
    const id = new Uint8Array(32)
    const resumed = store.stage(SIZE, { id, from: GROUP_BYTES })
    await t.throwsAsync(resumed, { code: 'busy' })
    t.is((await store.usage()).headroomBytes, SIZE)
    await store.close()
  })
})

test('R005-43: bytes that are still buffered are kept, by a suspension and by the end of the store', async (t) => {
  await inTemporary(async (directory) => {
    const [id, other] = [new Uint8Array(32), new Uint8Array(32).fill(1)]
    const store = await openDiskStore({ directory })
    const [suspended, open] = [
      await store.stage(SIZE, { id, from: 0 }),
      await store.stage(SIZE, { id: other, from: 0 }),
    ]
    await suspended.write(pattern(SIZE))
    await open.write(pattern(SIZE))
    await suspended.suspend()
    await store.close()
    const later = await openDiskStore({ directory })
    for (const one of [id, other]) {
      t.is(await later.partialBytes(one), SIZE)
      const resumed = await later.stage(SIZE, { id: one, from: SIZE })
      const kept = await gather(resumed.resumedBytes())
      t.is(Buffer.compare(kept, pattern(SIZE)), 0)
      await resumed.discard()
    }
    await later.close()
  })
})
