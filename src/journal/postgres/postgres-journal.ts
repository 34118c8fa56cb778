/** Opens the journal of a set in PostgreSQL (specs/009-journal.md, "PostgreSQL"). */
import type { Client, ClientConfig } from 'pg'
import { DstoreError } from '../../errors.ts'
import { openEngineJournal } from '../engine/engine-journal.ts'
import {
  ENGINE_REQUEST_MS,
  type Engine,
  type EngineTls,
  type OnMoved,
  missingJournal,
} from '../engine/engine.ts'
import { type EnginePlace, parseEnginePlace } from '../engine/place.ts'
import { type Journal, checkPosition } from '../journal.ts'
import { type Postgres, loadPostgres } from './client.ts'
import { PostgresEngine } from './postgres-engine.ts'
import { Hosts, Primary, type PrimaryOptions } from './primary.ts'
import { isSchemaName, statementsOf } from './statements.ts'

export interface PostgresJournalOptions {
  /**
   * `postgres://[USER[:PASSWORD]@]HOST[:PORT][,HOST...]/DATABASE?set=NAME`: of the hosts, the one
   * that takes writes is used.
   */
  readonly url: string
  readonly tls?: EngineTls
  /** Fail with `integrity` where there are no tables, and make none. */
  readonly mustExist?: boolean
  /** Where a new journal begins: after this position. Default: 0. */
  readonly start?: { readonly position: number }
  /** One server, without standbys: of tests, or where its disks are copied synchronously. */
  readonly isOneServer?: boolean
  /** How long a query may take before its outcome is in doubt. */
  readonly requestMs?: number
  /** How long a follower at the end waits before it looks again, unless it hears of more. */
  readonly pollMs?: number
  /** Loads the client, for tests. */
  readonly load?: () => Promise<Postgres>
}

const PORT = 5432
const PARAMETERS = ['set', 'sslmode']
/** Those of libpq that leave no choice to the other side. */
const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full']

/**
 * Makes the tables if there are none. Errors: `unsupported` without the package, `incompatible` for
 * a server that does not keep what it acknowledges, `unreachable`, `not-permitted`, `integrity`.
 */
export function openPostgresJournal(options: PostgresJournalOptions): Promise<Journal> {
  const place = parseEnginePlace(options.url, ['postgres', 'postgresql'], PORT, PARAMETERS)
  const set = place.parameters.get('set') ?? ''
  if (!isSchemaName(set) || place.name === '') {
    const message = `a set needs a database, and a name of small letters, digits and _: ${place.label}`
    const hint = 'postgres://HOST/DATABASE?set=NAME'
    throw new DstoreError('usage', message, { hint })
  }
  const mode = place.parameters.get('sslmode') ?? 'disable'
  if (!SSL_MODES.includes(mode)) {
    throw new DstoreError('usage', `sslmode is one of ${SSL_MODES.join(', ')}: ${place.label}`, {
      hint: 'verify-full is the safe one',
    })
  }
  checkPosition('start', options.start?.position ?? 0)
  return openEngineJournal({
    open: (onMoved) => open(options, place, set, onMoved),
    ...(options.pollMs !== undefined && { pollMs: options.pollMs }),
  })
}

async function open(
  options: PostgresJournalOptions,
  place: EnginePlace,
  set: string,
  onMoved: OnMoved,
): Promise<Engine> {
  const { isOneServer = false, mustExist = false, requestMs = ENGINE_REQUEST_MS, start } = options
  const postgres = await (options.load ?? loadPostgres)()
  const statements = statementsOf(set, isOneServer)
  const common: PrimaryOptions = {
    postgres,
    place: place.label,
    hosts: new Hosts(place.hosts),
    config: configOf(place, options),
    settings: { isOneServer },
    requestMs,
  }
  const listen = async (client: Client): Promise<void> => {
    client.on('notification', ({ payload }) => onMoved(Number(payload)))
    await client.query(`listen ${statements.channel}`)
  }
  const reads = new Primary({ ...common, onConnected: listen })
  const [appends, confirms] = [new Primary(common), new Primary(common)]
  const engine = new PostgresEngine({ place: place.label, statements, appends, confirms, reads })
  try {
    const { rows } = await reads.query(statements.exists)
    const isThere = rows[0]?.['there'] === true
    if (!isThere && mustExist) throw missingJournal(place.label, `the schema ${statements.channel}`)
    if (!isThere) await appends.query(statements.create(start?.position ?? 0))
    await Promise.all([appends.connect(), confirms.connect()])
    return engine
  } catch (error) {
    await engine.close()
    throw error
  }
}

function configOf(place: EnginePlace, { tls }: PostgresJournalOptions): ClientConfig {
  const mode = place.parameters.get('sslmode') ?? 'disable'
  const isTls = tls !== undefined || mode !== 'disable'
  return {
    database: place.name,
    ...(place.user !== undefined && { user: place.user }),
    ...(place.password !== undefined && { password: place.password }),
    ...(isTls && {
      ssl: { rejectUnauthorized: mode !== 'require' || tls?.ca !== undefined, ...tls },
    }),
  }
}
