/** The bucket of a set hangs: small values need none, however many are put together. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from '../../doors/clients/report.ts'
import { say } from '../daemons.ts'
import type { Engine } from '../engine.ts'
import type { JournalEngine } from './engines.ts'
import { type SetDrill, withSet } from './set-drill.ts'

const ROUNDS = 4
/** Together more than three messages of NATS, and none needs an object of its own. */
const FILES = 200
const FILE_BYTES = 9_000
/** The hang is longer than a bucket's request, and than a standby is patient. */
const PUT_MS = 20_000

export async function testBucket(
  bucket: Engine,
  journal: JournalEngine,
  report: Report,
): Promise<void> {
  await report.test(`${journal.name}: batches of small values while the bucket hangs`, () =>
    withSet(bucket, journal, 'bucket', (drill) => putWhileItHangs(drill, bucket), { locals: 1 }),
  )
}

async function putWhileItHangs(drill: SetDrill, bucket: Engine): Promise<void> {
  const active = await drill.whole()
  const [local] = drill.locals
  const before = (await active.status())!.set!
  const folder = join(local!.running.place.path, 'folder')
  await mkdir(folder)
  bucket.hang()
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < FILES; i++) {
        await writeFile(join(folder, `f${i}`), randomBytes(FILE_BYTES))
      }
      const values = Array.from({ length: FILES }, () => randomBytes(FILE_BYTES))
      const began = performance.now()
      const put = await local!.running.run(['put', folder, '--name', `folder/${round}`])
      assert.equal(put.exit, 0, put.stderr)
      const stored = await local!.node.putMany(values)
      const ms = performance.now() - began
      assert.equal(stored.length, FILES)
      say(`a folder and a batch of ${(FILES * FILE_BYTES) / 1e6} MB each: ${Math.round(ms)} ms`)
      assert.ok(ms < PUT_MS, `${ms} ms`)
    }
    // Nobody took over, and no answer waited.
    const after = (await active.status())!.set!
    assert.equal(after.state, 'active')
    assert.equal(after.epoch, before.epoch)
    assert.equal(after.pauses, before.pauses)
  } finally {
    bucket.goOn()
  }
  await drill.whole()
}
