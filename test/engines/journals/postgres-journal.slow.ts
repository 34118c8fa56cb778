import { randomBytes } from 'node:crypto'
import type { Journal } from '../../../src/journal/journal.ts'
import { openPostgresJournal } from '../../../src/journal/postgres/postgres-journal.ts'
import { journalSuite } from '../../journal/suite.ts'
import { test } from '../../serial.ts'
import { PostgresSet, postgresPrograms } from './postgres-set.ts'

const programs = postgresPrograms()
let servers: PostgresSet

if (programs === undefined) {
  test('PostgreSQL: no initdb here, see DSTORE_POSTGRES_BIN', (t) => t.pass())
} else {
  test.before(async () => {
    servers = await PostgresSet.start(programs)
  })
  test.after.always(() => servers.stop())

  journalSuite({
    test,
    name: 'postgres',
    durable: true,
    create: async () => {
      const set = `s${randomBytes(6).toString('hex')}`
      const opened: Journal[] = []
      const open = async (): Promise<Journal> => {
        const journal = await openPostgresJournal({ url: servers.url(set) })
        opened.push(journal)
        return journal
      }
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
        destroy: async () => {
          await Promise.all(opened.map((one) => one.close()))
          await servers.sql(1, `drop schema dstore_${set} cascade`)
        },
      }
    },
  })
}
