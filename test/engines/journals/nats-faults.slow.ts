import { setTimeout as sleep } from 'node:timers/promises'
import type { Journal } from '../../../src/journal/journal.ts'
import { AppendError } from '../../../src/journal/journal.ts'
import { openNatsJournal } from '../../../src/journal/nats/nats-journal.ts'
import { text } from '../../journal/tools.ts'
import { test } from '../../serial.ts'
import { survivesKills } from './killed.ts'
import { NatsCluster, SYSTEM, natsServer } from './nats-cluster.ts'
import { eventually } from './processes.ts'

const program = natsServer()
let cluster: NatsCluster

/** Servers that were killed before may be busy for a while. */
const open = (set: string): Promise<Journal> =>
  eventually(30_000, () =>
    openNatsJournal({ url: cluster.url(set), system: SYSTEM, requestMs: 2_000 }),
  )

if (program === undefined) {
  test('NATS: no nats-server here, see DSTORE_NATS_SERVER', (t) => t.pass())
} else {
  test.before(async () => {
    cluster = await NatsCluster.start(program)
  })
  test.after.always(() => cluster.stop())

  test('R009-70, R009-71 NATS: leaders and followers are killed, nothing is lost', async (t) => {
    await survivesKills(t, {
      open: () => open('killed'),
      gapMs: 30_000,
      faults: async (progress) => {
        for (const role of ['leader', 'follower', 'leader', 'follower', 'leader'] as const) {
          const name = (await cluster.roles('killed'))[role]
          await cluster.kill(name)
          await progress()
          cluster.restart(name)
          await cluster.caughtUp('killed')
        }
      },
    })
  })

  test('R009-73, R009-85 NATS: without a majority everything is in doubt, and settled later', async (t) => {
    const journal = await open('minority')
    t.is(await journal.append(0, text('1')), 'ok')
    const { leader } = await cluster.roles('minority')
    const others = cluster.names.filter((name) => name !== leader)
    for (const name of others) cluster.signal(name, 'SIGSTOP')
    try {
      const append = await t.throwsAsync(journal.append(1, text('2')))
      t.false(append instanceof AppendError)
      // The leader answers reads for some seconds, and says what may be late.
      await sleep(3_500)
      t.like(await t.throwsAsync(journal.at(2)), { code: 'unreachable' })
      t.like(await t.throwsAsync(journal.extent()), { code: 'unreachable' })
    } finally {
      // The next test uses them.
      for (const name of others) cluster.signal(name, 'SIGCONT')
    }
    const settled = await eventually(30_000, async () => journal.append(1, text('2')))
    t.is(settled, 'ok')
    t.is(await journal.append(1, text('x')), 'taken')
    t.is((await journal.extent()).last, 2)
    await journal.close()
  })

  test('R009-71 NATS: a follower goes on after the engine was away', async (t) => {
    const [journal, other] = [await open('away'), await open('away')]
    await journal.append(0, text('1'))
    const stop = new AbortController()
    const got: string[] = []
    const followed = (async () => {
      for await (const batch of other.follow(0, stop.signal)) {
        for (const entry of batch) got.push(Buffer.from(entry as Uint8Array).toString())
      }
    })()
    while (got.length < 1) await sleep(50)
    for (const name of cluster.names) await cluster.kill(name)
    await sleep(1_000)
    for (const name of cluster.names) cluster.restart(name)
    await cluster.ready()
    await eventually(60_000, () => journal.append(1, text('2')))
    while (got.length < 2) await sleep(50)
    t.deepEqual(got, ['1', '2'])
    stop.abort()
    await followed
    await Promise.all([journal.close(), other.close()])
  })
}
