/** Whether a server takes writes, and keeps what it acknowledges. */
import type { Client } from 'pg'
import { awayError, unfit } from '../engine/engine.ts'

export interface SettingsOptions {
  /**
   * One server does: of tests, or where its disks are copied before they acknowledge. Nothing is
   * asked of standbys then.
   */
  readonly isOneServer: boolean
}

/** `server_version_num` of the earliest that is supported. */
const LEAST_VERSION = 140_000

/** What this connection does, whatever the defaults of the server are. */
const SESSION = [
  // A server that ends a query which waits for a standby reports success.
  'set statement_timeout = 0',
  'set lock_timeout = 0',
  'set idle_session_timeout = 0',
  'set idle_in_transaction_session_timeout = 0',
  "set default_transaction_isolation = 'read committed'",
  'set default_transaction_read_only = off',
  'set default_transaction_deferrable = off',
  "set client_min_messages = 'warning'",
  // Stays what it is where it says more.
  `select set_config('synchronous_commit', 'on', false)
     where current_setting('synchronous_commit') <> 'remote_apply'`,
]

const SETTINGS = `select pg_is_in_recovery() as recovering,
  current_setting('server_version_num')::int as version,
  current_setting('server_version') as version_name,
  current_setting('fsync') as fsync,
  current_setting('full_page_writes') as full_page_writes,
  current_setting('synchronous_standby_names') as standbys`

/** Throws `unreachable` for a standby, `incompatible` for a server that may forget. */
export async function checkSettings(
  client: Client,
  place: string,
  { isOneServer }: SettingsOptions,
): Promise<void> {
  const { rows } = await client.query<Record<string, unknown>>(SETTINGS)
  const [says = {}] = rows
  if (says['recovering'] !== false) throw awayError(place, 'this server is a standby')
  if (!(Number(says['version']) >= LEAST_VERSION)) {
    const why = `the server has version ${String(says['version_name'])}, and needs 14 or later`
    throw unfit(place, why, 'upgrade PostgreSQL')
  }
  for (const setting of ['fsync', 'full_page_writes']) {
    if (says[setting] === 'on') continue
    const why = `the server has ${setting} = ${String(says[setting])}, and needs on`
    throw unfit(place, why, `set ${setting} = on in postgresql.conf`)
  }
  if (!isOneServer && says['standbys'] === '') {
    const why =
      'the server has no synchronous_standby_names, so no standby has what it acknowledges'
    throw unfit(place, why, "set synchronous_standby_names = 'ANY 1 (NAME, NAME)' for its standbys")
  }
  for (const statement of SESSION) await client.query(statement)
}
