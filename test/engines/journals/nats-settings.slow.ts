import type { EngineRoom } from '../../../src/journal/engine/engine.ts'
import { type Journal, AppendError } from '../../../src/journal/journal.ts'
import { type NatsJournalOptions, openNatsJournal } from '../../../src/journal/nats/nats-journal.ts'
import { JOURNAL_INLINE_BYTES } from '../../../src/limits.ts'
import { MemoryBucket } from '../../bucket/memory-objects.ts'
import { pattern, text } from '../../journal/tools.ts'
import { test } from '../../serial.ts'
import { refused } from './refused.ts'
import { NatsCluster, SYSTEM, USER, natsServer } from './nats-cluster.ts'

const program = natsServer()

if (program === undefined) {
  test('NATS: no nats-server here, see DSTORE_NATS_SERVER', (t) => t.pass())
} else {
  const within = async (
    options: Parameters<typeof NatsCluster.start>[1],
    run: (
      cluster: NatsCluster,
      open: (set: string, more?: Partial<NatsJournalOptions>) => Promise<Journal>,
    ) => Promise<void>,
  ): Promise<void> => {
    const cluster = await NatsCluster.start(program, options)
    const opened: Journal[] = []
    const open = async (set: string, more: Partial<NatsJournalOptions> = {}): Promise<Journal> => {
      const journal = await openNatsJournal({ url: cluster.url(set), system: SYSTEM, ...more })
      opened.push(journal)
      return journal
    }
    try {
      await run(cluster, open)
    } finally {
      await Promise.all(opened.map((journal) => journal.close()))
      await cluster.stop()
    }
  }

  test('R009-84 NATS: servers that sync now and then are refused', async (t) => {
    await within({ sync: '2m' }, async (_, open) => {
      t.like(await t.throwsAsync(open('one')), {
        code: 'incompatible',
        hint: 'set sync_interval: always in the jetstream block of every server',
      })
    })
  })

  test('R009-76, R009-83, R009-84 NATS: what is refused at the opening', async (t) => {
    await within({}, async (cluster, open) => {
      const blind = openNatsJournal({ url: cluster.url('one') })
      await refused(t, blind, 'incompatible', /system account/)
      const usual = USER
      t.like(await t.throwsAsync(open('one', { system: usual })), { code: 'not-permitted' })
      const unknown = { user: 'system', password: 'x' }
      t.like(await t.throwsAsync(open('one', { system: unknown })), { code: 'not-permitted' })
      const stranger = openNatsJournal({ url: cluster.url('one', 'set:x'), system: SYSTEM })
      t.like(await t.throwsAsync(stranger), { code: 'not-permitted' })
      const nowhere = openNatsJournal({ url: 'nats://127.0.0.1:1/one', system: SYSTEM })
      t.like(await t.throwsAsync(nowhere), { code: 'unreachable' })
      const connection = await cluster.connect()
      const made = async (name: string, more: object): Promise<void> => {
        const subjects = [`dstore.${name}.j.entry`, `dstore.${name}.j.object`]
        const config = { name: `dstore_${name}`, subjects, num_replicas: 3, ...more }
        const body = JSON.stringify(config)
        await connection.request(`$JS.API.STREAM.CREATE.dstore_${name}`, body, { timeout: 5000 })
      }
      await made('usual', {})
      await refused(t, open('usual'), 'incompatible', /discard "old"/)
      await made('single', {
        num_replicas: 1,
        discard: 'new',
        deny_delete: true,
        storage: 'file',
        allow_direct: true,
      })
      await refused(t, open('single'), 'incompatible', /num_replicas 1, and needs 3/)
      await connection.close()
    })
  })

  test('R012-104 NATS: stream, account and servers say how full they are', async (t) => {
    await within({ account: '{ max_file: 1G }' }, async (cluster, open) => {
      const journal = await open('rooms')
      t.is(await journal.append(0, pattern(5_000)), 'ok')
      const connection = await cluster.connect()
      const ask = async (what: string, body: string = ''): Promise<{ config: object }> =>
        (await connection.request(`$JS.API.STREAM.${what}.dstore_rooms`, body)).json()
      const { config } = await ask('INFO')
      await ask('UPDATE', JSON.stringify({ ...config, max_bytes: 1_000_000 }))
      await connection.close()
      let rooms: readonly EngineRoom[] = []
      await open('rooms', { mustExist: true, onRooms: (found) => (rooms = found) })
      const limits = rooms.map(({ what, mostBytes }) => `${what}: ${mostBytes}`)
      t.deepEqual(limits.toSorted(), [
        'the account of the set: 1000000000',
        'the server n1: 4000000000',
        'the server n2: 4000000000',
        'the server n3: 4000000000',
        'the stream dstore_rooms: 1000000',
      ])
      for (const { what, usedBytes } of rooms) t.true(usedBytes > 5_000, `${what}: ${usedBytes}`)
    })
  })

  test('R009-74, R009-81, R009-82 NATS: limits, large entries, a later beginning', async (t) => {
    await within({ servers: 1 }, async (cluster, open) => {
      await refused(t, open('no'), 'incompatible', /replicas/)
      const later = await open('later', { isTest: true, start: { position: 7 } })
      t.deepEqual(await later.extent(), { first: 8, last: 7 })
      t.is(await later.at(7), 'gone')
      t.is(await later.append(6, text('x')), 'taken')
      t.like(await t.throwsAsync(later.append(8, text('x'))), { code: 'integrity' })
      t.is(await later.append(7, text('8')), 'ok')
      t.deepEqual(await later.extent(), { first: 8, last: 8 })

      const large = pattern(JOURNAL_INLINE_BYTES + 1)
      t.like(await t.throwsAsync(later.append(8, large)), {
        code: 'too-large',
        outcome: 'not-appended',
      })
      const bucket = new MemoryBucket()
      const options = { isTest: true, objects: bucket.client() }
      const journal = await open('large', options)
      t.is(await journal.append(0, large), 'ok')
      t.is(await journal.append(1, text('2')), 'ok')
      t.is(await journal.append(1, large), 'taken')
      const stop = new AbortController()
      const batches: unknown[] = []
      for await (const batch of (await open('large', options)).follow(0, stop.signal)) {
        batches.push(...(batch as Uint8Array[]))
        if (batches.length === 2) stop.abort()
      }
      t.deepEqual(batches, [large, text('2')])
      t.is(bucket.objects.size, 2)
      t.like(await t.throwsAsync((await open('large', { isTest: true })).at(1)), {
        code: 'incompatible',
      })
      const copy = new Map(bucket.objects)
      bucket.objects.clear()
      t.like(await t.throwsAsync(journal.at(1)), { code: 'integrity' })
      for (const [key, body] of copy) bucket.objects.set(key, body)
      await journal.trim(1)
      t.is(await (await open('large', options)).at(1), 'gone')
      t.is(bucket.objects.size, 1)

      const connection = await cluster.connect()
      const config = {
        name: 'dstore_full',
        subjects: ['dstore.full.j.entry', 'dstore.full.j.object'],
        max_bytes: 4096,
        discard: 'new',
        deny_delete: true,
        storage: 'file',
        allow_direct: true,
      }
      const body = JSON.stringify(config)
      await connection.request('$JS.API.STREAM.CREATE.dstore_full', body, { timeout: 5000 })
      await connection.close()
      const full = await open('full', { isTest: true })
      t.is(await full.append(0, pattern(2000)), 'ok')
      const error = await t.throwsAsync(full.append(1, pattern(3000)))
      t.true(error instanceof AppendError)
      t.like(error, { code: 'no-space', outcome: 'not-appended' })
      t.is(await full.append(1, pattern(100)), 'ok')
    })
  })
}
