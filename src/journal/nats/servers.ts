/** Whether the servers keep what they acknowledge: their version, and how they write. */
import { DstoreError } from '../../errors.ts'
import { type EngineRoom, unfit } from '../engine/engine.ts'
import { jsonIn, record, roomOf, string } from './answers.ts'
import { type ConnectOptions, type NatsUser, connectNats } from './client.ts'

/** Earlier ones refuse some valid conditions, or lose a stream when their machine crashes. */
const LEAST_VERSION = [2, 15, 1] as const

/** How long answers of servers may follow each other. */
const GATHER_MS = 1_500
/** The most servers that are listened to. */
const SERVERS = 64

interface Seen {
  readonly name: string
  readonly version: string
  readonly isSynced: boolean
  readonly rooms: readonly EngineRoom[]
}

export interface ServersCheck extends Omit<ConnectOptions, 'user'> {
  /** Of the system account, which alone may ask how the servers write. */
  readonly system: NatsUser | undefined
  /** Names of the servers that have the stream. */
  readonly members: readonly string[]
}

/**
 * How full the servers are that have the stream. Throws `incompatible` where one of them does not
 * sync what it acknowledges, or is too old.
 */
export async function checkServers(options: ServersCheck): Promise<EngineRoom[]> {
  const { place, system, members } = options
  const { label } = place
  if (system === undefined) {
    const why = 'only the system account may ask whether the servers sync what they acknowledge'
    const hint = 'state a user of the system account: systemUser, systemPassword in the secrets'
    throw unfit(label, why, hint)
  }
  const seen = await serversOf({ ...options, user: system, isSystem: true }, members)
  const own = seen.filter((one) => members.includes(one.name))
  for (const { name, version, isSynced } of own) {
    checkVersion(label, name, version)
    if (isSynced) continue
    const why = `the server ${name} does not sync what it acknowledges`
    throw unfit(label, why, 'set sync_interval: always in the jetstream block of every server')
  }
  const unseen = members.filter((member) => !seen.some(({ name }) => name === member))
  if (2 * unseen.length < members.length) return own.flatMap(({ rooms }) => rooms)
  const who = unseen.length === 0 ? 'the servers' : `the servers ${unseen.join(', ')}`
  throw new DstoreError('unreachable', `${label}: ${who} do not answer`)
}

/** Throws `incompatible` if a server has faults that later versions do not have. */
export function checkVersion(label: string, name: string, version: string): void {
  const parts = version.split(/[.-]/).map(Number)
  const different = LEAST_VERSION.findIndex((least, i) => parts[i] !== least)
  if (different === -1 || parts[different]! > LEAST_VERSION[different]!) return
  const why = `the server ${name} has version ${version}, and needs ${LEAST_VERSION.join('.')}`
  throw unfit(label, `${why} or later`, 'upgrade nats-server, one machine after another')
}

/** What servers say, until these all did, or no more do. */
async function serversOf(options: ConnectOptions, members: readonly string[]): Promise<Seen[]> {
  const { label } = options.place
  const connection = await connectNats(options)
  try {
    const seen: Seen[] = []
    const answers = await connection.requestMany('$SYS.REQ.SERVER.PING.JSZ', '', {
      maxWait: GATHER_MS,
      maxMessages: SERVERS,
    })
    for await (const { data } of answers) {
      const answer = jsonIn(label, data)
      const { name, ver } = record(answer['server'])
      const { config, storage } = record(answer['data'])
      const { sync_always: always, max_storage: most } = record(config)
      seen.push({
        name: string(name),
        version: string(ver),
        isSynced: always === true,
        rooms: roomOf(`the server ${string(name)}`, storage, most),
      })
      if (members.every((member) => seen.some((one) => one.name === member))) break
    }
    return seen
  } catch (error) {
    if (error instanceof DstoreError) throw error
    const message = `${label}: the system account of the servers is not told how they write`
    throw new DstoreError('not-permitted', message, {
      cause: error,
      hint: 'state a user of the account that system_account names',
    })
  } finally {
    await connection.close()
  }
}
