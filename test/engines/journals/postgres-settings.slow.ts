import type { Journal } from '../../../src/journal/journal.ts'
import {
  type PostgresJournalOptions,
  openPostgresJournal,
} from '../../../src/journal/postgres/postgres-journal.ts'
import { text } from '../../journal/tools.ts'
import { test } from '../../serial.ts'
import { refused } from './refused.ts'
import { PostgresSet, postgresPrograms } from './postgres-set.ts'

const programs = postgresPrograms()

if (programs === undefined) {
  test('PostgreSQL: no initdb here, see DSTORE_POSTGRES_BIN', (t) => t.pass())
} else {
  test('R009-76, R009-94, R009-97 PostgreSQL: what is refused at the opening', async (t) => {
    const servers = await PostgresSet.start(programs, { servers: 1, more: 'fsync = off' })
    const opened: Journal[] = []
    const open = async (set: string, more?: Partial<PostgresJournalOptions>): Promise<Journal> => {
      const journal = await openPostgresJournal({ url: servers.url(set), ...more })
      opened.push(journal)
      return journal
    }
    try {
      const one = { isOneServer: true }
      await refused(t, open('a', one), 'incompatible', /fsync = off/)
      await servers.sql(1, 'alter system set fsync = on')
      await servers.sql(1, 'alter system set full_page_writes = off')
      await servers.sql(1, "alter system set synchronous_commit = 'off'")
      await servers.sql(1, "alter system set statement_timeout = '1s'")
      await servers.sql(1, "alter system set default_transaction_isolation = 'serializable'")
      await servers.sql(1, 'select pg_reload_conf()')
      await refused(t, open('a', one), 'incompatible', /full_page_writes = off/)
      await servers.sql(1, 'alter system set full_page_writes = on')
      await servers.sql(1, 'select pg_reload_conf()')
      await refused(t, open('a'), 'incompatible', /synchronous_standby_names/)
      const [port] = servers.ports
      const at = (url: string): Promise<Journal> => openPostgresJournal({ url, isOneServer: true })
      const missing = at(`postgres://probe@127.0.0.1:${port}/nothing?set=a`)
      t.like(await t.throwsAsync(missing), { code: 'not-permitted' })
      const stranger = at(`postgres://stranger@127.0.0.1:${port}/postgres?set=a`)
      t.like(await t.throwsAsync(stranger), { code: 'not-permitted' })
      const nowhere = at('postgres://probe@127.0.0.1:1/postgres?set=a')
      t.like(await t.throwsAsync(nowhere), { code: 'unreachable' })

      const journal = await at(`postgres://probe@127.0.0.1:1,127.0.0.1:${port}/postgres?set=a`)
      opened.push(journal)
      t.is(await journal.append(0, text('1')), 'ok')
      const later = await open('later', { ...one, start: { position: 7 } })
      t.deepEqual(await later.extent(), { first: 8, last: 7 })
      t.is(await later.at(7), 'gone')
      t.is(await later.append(6, text('x')), 'taken')
      t.is(await later.append(7, text('8')), 'ok')
      // Two make the tables at the same time.
      const both = await Promise.all([open('both', one), open('both', one)])
      t.is(await both[0].append(0, text('1')), 'ok')
      t.is(await both[1].append(0, text('x')), 'taken')
    } finally {
      await Promise.all(opened.map((one) => one.close()))
      await servers.stop()
    }
  })
}
