/** The file of a value of an earlier layout, whose outboard is behind it, as it is handed out. */
import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { test } from '../../serial.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { decodeKey } from '../../../src/index/records/record.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { inTemporary } from '../temporary.ts'
import { unpackFixture } from './fixture.ts'

test('R005-85 the file of a value that is handed out holds nothing but the value', async (t) => {
  await inTemporary(async (directory) => {
    await unpackFixture('store-v1', directory)
    const store = await openDiskStore({ directory })
    try {
      let moved = 0
      for (const row of await store.scan('keys', { limit: 1000 })) {
        const { location, size } = decodeKey(row)
        if (await store.isDamaged(location)) continue
        const raw = await store.lendFile(location)
        const isLonger = raw !== undefined && statSync(raw.path).size > size
        raw?.giveBack()
        if (isLonger) moved++
        // Two at once: each waits for its turn.
        const [one, other] = await Promise.all([
          store.lendFile(location, true),
          store.lendFile(location, true),
        ])
        if (one !== undefined) {
          const bytes = await readFile(one.path)
          t.is(bytes.byteLength, size)
          t.deepEqual(hash(bytes).digest, row.id)
        }
        one?.giveBack()
        other?.giveBack()
      }
      t.true(moved > 0, 'the fixture has such values')
    } finally {
      await store.close()
    }
  })
})
