/** What an opening says of an engine that lacks the journal, or that can't be reached as wanted. */
import type { Client } from 'pg'
import { connectionFault } from '../../../src/journal/engine/engine.ts'
import type { Nats } from '../../../src/journal/nats/client.ts'
import { openNatsJournal } from '../../../src/journal/nats/nats-journal.ts'
import type { Postgres } from '../../../src/journal/postgres/client.ts'
import { openPostgresJournal } from '../../../src/journal/postgres/postgres-journal.ts'
import { test } from '../../serial.ts'

/** A server without the stream, which notes what it is asked. */
function natsWithout(asked: string[]): Nats {
  const request = async (subject: string) => {
    asked.push(subject)
    const error = { code: 404, err_code: 10_059, description: 'stream not found' }
    return { data: new TextEncoder().encode(JSON.stringify({ error })) }
  }
  const info = { server_name: 'n1', version: '2.15.1', max_payload: 1 << 20, cluster: 'c' }
  const connection = { info, request, close: async () => undefined }
  return { connect: async () => connection } as unknown as Nats
}

test('R009-100 NATS: a journal that must be there is not made', async (t) => {
  const asked: string[] = []
  const load = async (): Promise<Nats> => natsWithout(asked)
  const open = (mustExist: boolean) =>
    openNatsJournal({ url: 'nats://127.0.0.1:1/lost', isTest: true, load, mustExist })
  const error = await t.throwsAsync(open(true), { code: 'integrity' })
  t.regex(error.message, /there is no journal of this set: the stream dstore_lost is missing/)
  t.deepEqual(asked, ['$JS.API.STREAM.INFO.dstore_lost'])
  await t.throwsAsync(open(false), { code: 'unreachable' })
  t.true(asked.includes('$JS.API.STREAM.CREATE.dstore_lost'))
})

/** A primary without the tables, which notes what it is asked. */
function postgresWithout(asked: string[]): Postgres {
  const settings = { recovering: false, version: 150_000, fsync: 'on', full_page_writes: 'on' }
  class Fake {
    readonly connection = { stream: { destroy: () => undefined } }
    on(): void {}
    async connect(): Promise<void> {}
    async end(): Promise<void> {}
    async query(query: string | { readonly text: string }): Promise<object> {
      const text = typeof query === 'string' ? query : query.text
      asked.push(text)
      const rows = text.includes('pg_is_in_recovery') ? [settings] : [{ there: false }]
      return { rows, rowCount: rows.length }
    }
  }
  return { Client: Fake as unknown as new () => Client }
}

test('R009-100 PostgreSQL: a journal that must be there is not made', async (t) => {
  const asked: string[] = []
  const load = async (): Promise<Postgres> => postgresWithout(asked)
  const open = (mustExist: boolean) =>
    openPostgresJournal({
      url: 'postgres://u@127.0.0.1:1/d?set=lost',
      isOneServer: true,
      load,
      mustExist,
    })
  const isMade = (): boolean => asked.some((text) => text.includes('create'))
  const error = await t.throwsAsync(open(true), { code: 'integrity' })
  t.regex(error.message, /there is no journal of this set: the schema dstore_lost is missing/)
  t.false(isMade())
  const journal = await open(false)
  t.true(isMade())
  await journal.close()
})

test('R009-76 an engine without TLS, or with a certificate that nobody vouches for, is named as that', (t) => {
  const PLAIN = /does not support SSL/
  const untrusted = Object.assign(new Error('self-signed'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  const faults = [
    new Error('The server does not support SSL connections'),
    untrusted,
    Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' }),
  ].map((error) => connectionFault('nats://g1/main', error, PLAIN))
  t.deepEqual(
    faults.map(({ code, message }) => [code, message]),
    [
      ['incompatible', 'nats://g1/main: the server does not speak TLS'],
      ['impostor', 'nats://g1/main: its certificate is not trusted: DEPTH_ZERO_SELF_SIGNED_CERT'],
      ['unreachable', 'nats://g1/main: connect ECONNREFUSED 127.0.0.1:1'],
    ],
  )
  for (const { hint } of faults) t.truthy(hint)
})
