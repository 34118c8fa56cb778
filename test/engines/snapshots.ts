/** Snapshots of records, taken and loaded. */
import assert from 'node:assert/strict'
import { MIB } from '../../src/limits.ts'
import { Archived } from '../archive/snapshots/tools.ts'
import type { Report } from '../doors/clients/report.ts'
import type { Engine } from './engine.ts'

export async function testSnapshots(engine: Engine, report: Report): Promise<void> {
  await report.test(`${engine.name}: snapshots are read back, and two are kept`, async () => {
    const objects = await engine.open(engine.newPlace())
    const archived = await Archived.make(undefined, () => objects)
    try {
      for (const rows of [1, 3, 5]) {
        await archived.append(rows, 6 * MIB)
        const snapshot = await archived.take()
        assert.deepEqual(await archived.load(), { snapshot, rows: archived.position })
      }
      const { objects: listed } = await objects.list('s/')
      assert.equal(listed.length, 4)
      assert.equal((await archived.journal.extent()).first, 5)
      assert.deepEqual(await objects.unfinished(''), [])
      // The newest is damaged: it has lost its end.
      const [copy] = listed.filter(({ key }) => !key.endsWith('.json')).slice(-1)
      const bytes = await objects.get(copy!.key, { range: { start: 0, end: copy!.size - 1 } })
      await objects.remove([copy!.key])
      await objects.put(copy!.key, bytes!)
      assert.equal((await archived.load()).snapshot.position, 4)
    } finally {
      await archived.close()
    }
  })
}
