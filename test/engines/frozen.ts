/** A node that is frozen while another one takes over, and then wakes. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Report } from '../doors/clients/report.ts'
import { withDrill } from './daemons.ts'
import type { Engine } from './engine.ts'

const TAKE_OVER_MS = 120_000

export async function testFrozen(engine: Engine, report: Report): Promise<void> {
  for (const flags of [['--archive-ack'], []]) {
    const title = `${engine.name}: a frozen node is overtaken, wakes, and acknowledges nothing`
    await report.test(`${title}, ${flags[0] ?? 'without --archive-ack'}`, () =>
      withDrill(engine, flags, async (drill) => {
        const [here, there] = [drill.machine(), drill.machine()]
        const old = await drill.start(here).ready()
        assert.equal((await old.run(['put', '-', '--name', 'before'], 'before')).exit, 0)
        await old.restorable()
        old.process.kill('SIGSTOP')
        const next = await drill.start(there, '--take-over').ready(TAKE_OVER_MS)
        assert.equal((await next.run(['put', '-', '--name', 'after'], 'after')).exit, 0)
        // They come to a process that believes that no time has passed.
        const late = [...Array(8).keys()].map((i) =>
          old.run(['put', '-', '--name', `late/${i}`], `late ${i}`),
        )
        await sleep(1500)
        old.process.kill('SIGCONT')
        for (const put of late) assert.notEqual((await put).exit, 0)
        assert.equal((await old.end).exit, 1)
        assert.match(old.stderr, /taken over/)
        for (const name of ['before', 'after']) {
          assert.equal((await next.run(['get', name])).stdout.toString(), name)
        }
        assert.equal((await next.run(['get', 'late/0'])).exit, 3)
        const again = await drill.start(here).end
        assert.equal(again.exit, 4)
        assert.match(again.stderr, /taken over/)
        await next.stop()
      }),
    )
  }
}
