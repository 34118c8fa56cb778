/** The suite of journals, and stale writers, over a bucket. */
import assert from 'node:assert/strict'
import { openBucketJournal } from '../../src/journal/bucket/bucket-journal.ts'
import type { Journal } from '../../src/journal/journal.ts'
import type { Report } from '../doors/clients/report.ts'
import { journalSuite } from '../journal/suite.ts'
import { text } from '../journal/tools.ts'
import { cases } from './cases.ts'
import type { Engine } from './engine.ts'

const POLL_MS = 20

export async function testJournal(engine: Engine, report: Report): Promise<void> {
  const { test, run } = cases(report)
  journalSuite({
    test,
    name: engine.name,
    durable: true,
    create: async () => {
      const place = engine.newPlace()
      const open = async (): Promise<Journal> =>
        openBucketJournal({ objects: await engine.open(place), pollMs: POLL_MS })
      let journal = await open()
      return {
        get journal() {
          return journal
        },
        another: open,
        reopen: async () => {
          await journal.close()
          return (journal = await open())
        },
        destroy: () => journal.close(),
      }
    },
  })
  await run()

  await report.test(
    `${engine.name}: a stale writer, woken after two trims, is fenced`,
    async () => {
      const place = engine.newPlace()
      const open = async (): Promise<Journal> =>
        openBucketJournal({ objects: await engine.open(place), pollMs: POLL_MS })
      const [stale, other] = [await open(), await open()]
      for (let i = 0; i < 3; i++) assert.equal(await stale.append(i, text(`${i + 1}`)), 'ok')
      for (let i = 3; i < 20; i++) assert.equal(await other.append(i, text(`${i + 1}`)), 'ok')
      await other.trim(8)
      await other.trim(15)
      assert.equal(await stale.append(3, text('another fourth')), 'taken')
      assert.equal(await stale.at(4), 'gone')
      assert.deepEqual(await other.extent(), { first: 16, last: 20 })
      assert.equal(await other.append(20, text('21')), 'ok')
    },
  )
}
