import { randomBytes } from 'node:crypto'
import { openNatsJournal } from '../../../src/journal/nats/nats-journal.ts'
import type { Journal } from '../../../src/journal/journal.ts'
import { MemoryBucket } from '../../bucket/memory-objects.ts'
import { journalSuite } from '../../journal/suite.ts'
import { test } from '../../serial.ts'
import { NatsCluster, SYSTEM, natsServer } from './nats-cluster.ts'

const program = natsServer()
let cluster: NatsCluster

if (program === undefined) {
  test('NATS: no nats-server here, see DSTORE_NATS_SERVER', (t) => t.pass())
} else {
  test.before(async () => {
    cluster = await NatsCluster.start(program)
  })
  test.after.always(() => cluster.stop())

  journalSuite({
    test,
    name: 'nats',
    durable: true,
    create: async () => {
      const set = `s${randomBytes(6).toString('hex')}`
      const bucket = new MemoryBucket()
      const opened: Journal[] = []
      const open = async (): Promise<Journal> => {
        const objects = bucket.client('one')
        const journal = await openNatsJournal({ url: cluster.url(set), system: SYSTEM, objects })
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
          const connection = await cluster.connect()
          await connection.request(`$JS.API.STREAM.DELETE.dstore_${set}`, '', { timeout: 5000 })
          await connection.close()
        },
      }
    },
  })
}
