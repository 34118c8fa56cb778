/** A node dies while it uploads a large value. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { MIB } from '../../src/limits.ts'
import type { Report } from '../doors/clients/report.ts'
import { eventually } from '../eventually.ts'
import { withDrill } from './daemons.ts'
import type { Engine } from './engine.ts'

const BYTES = 96 * MIB

export async function testUploads(engine: Engine, report: Report): Promise<void> {
  await report.test(`${engine.name}: an upload that a kill ended leaves nothing`, () =>
    withDrill(engine, [], async (drill) => {
      const machine = drill.machine()
      const node = await drill.start(machine).ready()
      await node.run(['put', '-', '--name', 'kept'], randomBytes(MIB))
      await node.restorable()
      const objects = await engine.open(drill.place)
      const before = (await objects.list('v/')).objects
      assert.equal(before.length, 1)
      const put = node.run(['put', '-', '--name', 'cut'], randomBytes(BYTES))
      await eventually(async () => (await objects.unfinished('v/')).length > 0)
      await node.kill()
      assert.notEqual((await put).exit, 0)
      assert.equal((await objects.unfinished('v/')).length, 1)
      const again = await drill.start(machine).ready()
      assert.equal((await again.run(['get', 'cut'])).exit, 3)
      await eventually(async () => (await objects.unfinished('v/')).length === 0)
      assert.deepEqual((await objects.list('v/')).objects, before)
      assert.equal((await again.run(['get', 'kept'])).exit, 0)
      await again.stop()
    }),
  )
}
