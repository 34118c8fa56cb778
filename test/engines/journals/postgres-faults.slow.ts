import { setTimeout as sleep } from 'node:timers/promises'
import { AppendError, type Journal } from '../../../src/journal/journal.ts'
import { openPostgresJournal } from '../../../src/journal/postgres/postgres-journal.ts'
import { text } from '../../journal/tools.ts'
import { test } from '../../serial.ts'
import { survivesKills } from './killed.ts'
import { PostgresSet, postgresPrograms } from './postgres-set.ts'
import { eventually } from './processes.ts'

const programs = postgresPrograms()
let servers: PostgresSet

const open = (set: string): Promise<Journal> =>
  openPostgresJournal({ url: servers.url(set), requestMs: 2_000 })

/** Processes of the primary that wait for a standby. */
const WAITING = `select pid from pg_stat_activity where wait_event = 'SyncRep'`

if (programs === undefined) {
  test('PostgreSQL: no initdb here, see DSTORE_POSTGRES_BIN', (t) => t.pass())
} else {
  test.before(async () => {
    servers = await PostgresSet.start(programs)
  })
  test.after.always(() => servers.stop())

  test('R009-91, R009-92, R009-95 PostgreSQL: what no standby has is in doubt, though it can be read', async (t) => {
    const journal = await open('cut')
    t.is(await journal.append(0, text('1')), 'ok')
    for (const standby of [2, 3]) servers.stopNow(standby)
    const append = t.throwsAsync(journal.append(1, text('2')))
    const waiting = await eventually(2_000, async () => {
      const rows = await servers.sql(1, WAITING)
      return rows.length > 0 ? rows : Promise.reject(new Error('none waits'))
    })
    // The wait is cut short: the server commits, and reports success.
    for (const { pid } of waiting) await servers.sql(1, `select pg_cancel_backend(${Number(pid)})`)
    const error = await append
    t.false(error instanceof AppendError)
    t.regex(error.message, /synchronous replication/)
    const [row] = await servers.sql(1, 'select last from dstore_cut.head')
    t.is(Number(row!['last']), 2)
    t.like(await t.throwsAsync(journal.at(2)), { code: 'unreachable' })
    t.like(await t.throwsAsync(journal.append(1, text('2'))), { code: 'unreachable' })
    const stop = new AbortController()
    const follower = journal.follow(1, stop.signal)[Symbol.asyncIterator]()
    const next = follower.next()
    t.is(await Promise.race([next, sleep(3_000)]), undefined)
    // However often it is tried meanwhile, few processes wait there.
    for (let i = 0; i < 3; i++) await t.throwsAsync(journal.at(2))
    t.true((await servers.sql(1, WAITING)).length <= 2)
    for (const standby of [2, 3]) servers.restart(standby)
    t.deepEqual(await eventually(30_000, () => journal.at(2)), text('2'))
    t.is(await journal.append(1, text('2')), 'ok')
    t.is(await journal.append(1, text('x')), 'taken')
    t.deepEqual((await next).value, [text('2')])
    stop.abort()
    await follower.return?.()
    await journal.close()
  })

  test('R009-93 PostgreSQL: nothing is acknowledged while no standby is wanted', async (t) => {
    const journal = await open('degraded')
    t.is(await journal.append(0, text('1')), 'ok')
    const set = async (names: string): Promise<void> => {
      await servers.sql(1, `alter system set synchronous_standby_names = '${names}'`)
      await servers.sql(1, 'select pg_reload_conf()')
      await sleep(300)
    }
    await set('')
    t.like(await t.throwsAsync(journal.append(1, text('2'))), { code: 'unreachable' })
    t.like(await t.throwsAsync(journal.at(1)), { code: 'unreachable' })
    t.like(await t.throwsAsync(open('degraded')), { code: 'incompatible' })
    await set('ANY 1 (s1, s2, s3)')
    t.is(await eventually(10_000, () => journal.append(1, text('2'))), 'ok')
    await journal.close()
  })

  test('R009-94 PostgreSQL: a frozen primary is left, and not believed when it wakes', async (t) => {
    const servers = await PostgresSet.start(programs)
    const openHere = (): Promise<Journal> =>
      openPostgresJournal({ url: servers.url('frozen'), requestMs: 2_000 })
    const opened: Journal[] = []
    try {
      await leavesFrozen()
    } finally {
      await Promise.all(opened.map((one) => one.close()))
      await servers.stop()
    }

    async function leavesFrozen(): Promise<void> {
      const journal = await openHere()
      opened.push(journal)
      t.is(await journal.append(0, text('1')), 'ok')
      const thaw = await servers.freeze(1)
      try {
        const next = await servers.newest([2, 3])
        servers.promote(next)
        const other = 5 - next
        servers.stopNow(other)
        await servers.follow(other, next)
        servers.restart(other)
        t.is(await eventually(60_000, () => journal.append(1, text('2'))), 'ok')
        t.is(await journal.append(2, text('3')), 'ok')
      } finally {
        thaw()
      }
      // It still takes writes, which no standby has, and it is the first host of the URL.
      const again = await openHere()
      opened.push(again)
      t.deepEqual(await eventually(60_000, () => again.extent()), { first: 1, last: 3 })
      t.deepEqual(await again.at(3), text('3'))
      t.is(await again.append(1, text('x')), 'taken')
      t.is(await again.append(3, text('4')), 'ok')
    }
  })

  test('R009-70, R009-71, R009-94 PostgreSQL: members are killed, a standby is promoted', async (t) => {
    await survivesKills(t, {
      open: () => open('killed'),
      gapMs: 30_000,
      faults: async (progress) => {
        for (const standby of [2, 3]) {
          await servers.kill(standby)
          await progress()
          // Its children end a moment later.
          await eventually(20_000, async () => servers.restart(standby))
          await progress()
        }
        await servers.kill(1)
        const next = await servers.newest([2, 3])
        servers.promote(next)
        const other = 5 - next
        servers.stopNow(other)
        await servers.follow(other, next)
        servers.restart(other)
        await progress()
      },
    })
  })
}
