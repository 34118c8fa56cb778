/** The bucket goes away, and comes back. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { ARCHIVE_CONFIRM_MS, ARCHIVE_LAG_MS } from '../../src/limits.ts'
import type { Report } from '../doors/clients/report.ts'
import { eventually } from '../eventually.ts'
import { say, withDrill } from './daemons.ts'
import type { Engine } from './engine.ts'

const LARGE_BYTES = 300_000
/** Puts go on until the bucket lacks something this old; then they are refused. */
const BOUND_MS = ARCHIVE_LAG_MS + ARCHIVE_CONFIRM_MS
const SLOW_MS = 30_000

export async function testAway(engine: Engine, report: Report): Promise<void> {
  await report.test(`${engine.name}: without its bucket a node goes on as far as it may`, () =>
    withDrill(engine, [], async (drill) => {
      const node = await drill.start(drill.machine()).ready()
      const large = randomBytes(LARGE_BYTES)
      assert.equal((await node.run(['put', '-', '--name', 'large'], large)).exit, 0)
      assert.equal((await node.run(['put', '-', '--name', 'one'], 'one')).exit, 0)
      await node.restorable()
      await engine.goAway()
      try {
        const refused = await node.run(['put', '-', '--timeout', '90s'], randomBytes(LARGE_BYTES))
        assert.equal(refused.exit, 5, refused.stderr)
        assert.match(refused.stderr, /s3:\/\/.*\nhint: /s)
        const removed = await node.run(['rm', 'one', '--timeout', '60s'])
        assert.equal(removed.exit, 8, removed.stderr)
        const began = performance.now()
        let [count, last] = [0, '']
        for (;;) {
          const put = await node.run(['put', '-', '--name', `away/${count}`], `away ${count}`)
          if (put.exit !== 0) {
            assert.equal(put.exit, 5, put.stderr)
            last = put.stderr
            break
          }
          count++
          const ms = performance.now() - began
          assert.ok(ms < BOUND_MS + SLOW_MS, `it still acknowledges after ${ms} ms`)
        }
        assert.match(last, /hint: /)
        assert.ok(count > 0)
        say(`${count} puts without the bucket, the last after ${performance.now() - began} ms`)
        assert.deepEqual((await node.run(['get', 'large'])).stdout, large)
        assert.equal((await node.run(['get', 'away/0'])).stdout.toString(), 'away 0')
      } finally {
        await engine.comeBack()
      }
      await eventually(async () => {
        const { state, lagEntries } = await node.archive()
        return state === 'current' && lagEntries === 0
      })
      assert.equal(
        (await node.run(['put', '-', '--name', 'back'], randomBytes(LARGE_BYTES))).exit,
        0,
      )
      assert.equal((await node.run(['rm', 'away/0'])).exit, 0)
      await node.stop()
    }),
  )

  await report.test(`${engine.name}: with --archive-ack all callers get an answer`, () =>
    withDrill(engine, ['--archive-ack'], async (drill) => {
      const node = await drill.start(drill.machine()).ready()
      assert.equal((await node.run(['put', '-', '--name', 'one'], 'one')).exit, 0)
      await node.restorable()
      await engine.goAway()
      try {
        const began = performance.now()
        const puts = [...Array(5).keys()].map((i) =>
          node.run(['put', '-', '--name', `away/${i}`], `away ${i}`),
        )
        for (const put of puts) {
          const { exit, stderr } = await put
          assert.equal(exit, 5, stderr)
          assert.match(stderr, /hint: /)
        }
        const ms = performance.now() - began
        assert.ok(ms < BOUND_MS + SLOW_MS, `${ms} ms`)
        assert.equal((await node.run(['get', 'one'])).stdout.toString(), 'one')
      } finally {
        await engine.comeBack()
      }
      await eventually(async () => (await node.archive()).state === 'current')
      assert.equal((await node.run(['put', '-', '--name', 'back'], 'back')).exit, 0)
      await engine.goAway()
      const put = node.run(['put', '-', '--name', 'stuck'], 'stuck')
      const stopped = performance.now()
      await eventually(async () => (await node.archive()).lagEntries > 0)
      assert.equal((await node.stop()).exit, 143)
      assert.notEqual((await put).exit, 0)
      say(`stopped without the bucket in ${performance.now() - stopped} ms`)
      await engine.comeBack()
    }),
  )
}
