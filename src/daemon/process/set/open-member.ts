/** Opens what a member of a set is made of: bucket, identity, engine, records. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { makeSet } from '../../../archive/set.ts'
import type { ObjectStore } from '../../../bucket/object-store.ts'
import { raceBucket } from '../../../bucket/race.ts'
import { toHex } from '../../../bytes.ts'
import { pause } from '../../../deadline.ts'
import { DstoreError, asDstoreError } from '../../../errors.ts'
import type { EngineRoom } from '../../../journal/engine/engine.ts'
import { engineLabel } from '../../../journal/engine/place.ts'
import type { Journal } from '../../../journal/journal.ts'
import type { Log } from '../../../log.ts'
import { grantorClock, holderClock } from '../../../node/clock.ts'
import { checkIdentity } from '../../../node/global/archive/archived-identity.ts'
import { VERSION } from '../../../node/version.ts'
import { diskReplica } from '../../../set/disk-replica.ts'
import type { SetMember } from '../../../set/interface.ts'
import { createSetMember } from '../../../set/member.ts'
import { checkSameSet, hasHistory } from '../../../set/same-set.ts'
import { nodeFiles } from '../../../store/disk/files.ts'
import { isReplica, refusePlain } from '../../../store/disk/follower/mark.ts'
import { Layout } from '../../../store/disk/layout.ts'
import { readOrCreateSecret } from '../../../store/file/secret-file.ts'
import { decodeUtf8 } from '../../../utf8.ts'
import { type EngineSecrets, readEngineSecrets } from '../../config/set/engine-secrets.ts'
import type { SetSettings } from '../../config/set/set-settings.ts'

export interface MemberOptions {
  /** The state directory. */
  readonly directory: string
  readonly settings: SetSettings
  readonly log: Log
  /** What goes on, for people. */
  readonly onStep?: ((doing: string) => void) | undefined
}

/** In the state directory. */
const ID_FILE = 'member-id'
const ID = /^[0-9a-f]{16}$/

/**
 * Errors: those of bucket, engine and identity, and that they are not of one set. Nothing is made
 * before they are found, except a new journal without entries (R012-48).
 */
export async function openMember({
  directory,
  settings,
  log,
  onStep = () => undefined,
}: MemberOptions): Promise<SetMember> {
  const { engine, bucket, bucketEndpoint, setKey, engineSecrets } = settings
  if (engine === undefined || bucket === undefined) throw new TypeError('no set is named')
  // First: a store that is not of a set has an identity of its own, too.
  const layout = new Layout(directory)
  await refusePlain(nodeFiles, layout)
  const secrets = await readEngineSecrets(engineSecrets, process.env)
  const { openBucket } = await import('../../../bucket/s3-objects.ts')
  const endpoint = bucketEndpoint === undefined ? {} : { endpoint: bucketEndpoint }
  onStep(`tries the bucket ${bucket}`)
  const objects = await openBucket({ place: bucket, ...endpoint, environment: process.env })
  let journal: Journal | undefined
  try {
    const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length))
    await raceBucket(objects, { name: toHex(random(8)) })
    const sleep = (ms: number): Promise<void> => pause(ms, new AbortController().signal)
    const ready = async (): Promise<void> => {
      onStep(`opens the journal ${engineLabel(engine)}`)
      const hasRecords = await isReplica(nodeFiles, layout)
      // One that was lost is not made: it would be in the way of a backup.
      const mustExist = hasRecords || (await hasHistory(objects))
      const open = (): Promise<Journal> => openEngine(engine, secrets, { objects, mustExist })
      journal ??= await patiently(open, sleep, log)
      await checkSameSet({ journal, objects, hasRecords })
    }
    await settleIdentity({ objects, directory, keyFile: setKey, random, log, ready })
    const id = await memberId(directory)
    return createSetMember({
      engine: engineLabel(engine),
      journal: journal!,
      objects,
      replica: diskReplica({ directory, objects, log, onStep }),
      id,
      name: settings.member ?? memberName(hostname()),
      version: VERSION,
      clocks: { grantor: grantorClock(), holder: holderClock(), wall: Date.now },
      sleep: (ms, signal) => pause(ms, signal ?? new AbortController().signal),
      random,
      log,
    })
  } catch (error) {
    await journal?.close()
    await objects.close()
    throw error
  }
}

/** Servers that were just started elect a leader, or recover, before they answer. */
const ENGINE_START_MS = 10_000
const ENGINE_AGAIN_MS = 500

/** Opens the engine, and again while it does not answer, for as long as servers take to start. */
export async function patiently(
  open: () => Promise<Journal>,
  sleep: (ms: number) => Promise<void>,
  log: Log,
  elapsed: () => number = () => performance.now(),
): Promise<Journal> {
  const until = elapsed() + ENGINE_START_MS
  for (;;) {
    try {
      return await open()
    } catch (error) {
      const { code, message } = asDstoreError(error)
      if (code !== 'unreachable' || elapsed() >= until) throw error
      log.info('the engine does not answer yet', { message })
      await sleep(ENGINE_AGAIN_MS)
    }
  }
}

const memberName = (host: string): string =>
  host.replaceAll(/[^\w .:@+-]/g, '-').slice(0, 64) || '-'

export interface OpenEngineOptions {
  /** For entries that are too large for a message. */
  readonly objects?: ObjectStore
  /** Fail with `integrity` where there is no journal, and make none. */
  readonly mustExist: boolean
  /** Hears how full the engine is. PostgreSQL can't be asked. */
  readonly onRooms?: (rooms: readonly EngineRoom[]) => void
}

export async function openEngine(
  url: string,
  secrets: EngineSecrets,
  { objects, mustExist, onRooms }: OpenEngineOptions,
): Promise<Journal> {
  const { ca, cert, key, creds, systemUser, systemPassword } = secrets
  const hasTls = (ca ?? cert ?? key) !== undefined
  const tls = hasTls && { tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } }
  const place = withUser(url, secrets)
  if (url.startsWith('postgres')) {
    const { openPostgresJournal } = await import('../../../journal/postgres/postgres-journal.ts')
    return openPostgresJournal({ url: place, mustExist, ...tls })
  }
  const { openNatsJournal } = await import('../../../journal/nats/nats-journal.ts')
  return openNatsJournal({
    url: place,
    mustExist,
    onRooms,
    ...(objects && { objects }),
    ...tls,
    ...(creds !== undefined && { credentials: creds }),
    ...(systemUser !== undefined && { system: { user: systemUser, password: systemPassword } }),
  })
}

/** Only in memory: settings and messages have the URL without it. */
export function withUser(url: string, { user: other, password }: EngineSecrets): string {
  const [, scheme = '', own, rest = ''] = /^([a-z]+:\/\/)(?:([^/]*)@)?(.*)$/s.exec(url) ?? []
  const user = own ?? (other === undefined ? undefined : encodeURIComponent(other))
  if (user === undefined) {
    if (password === undefined) return url
    throw new DstoreError('usage', 'a password for the engine, and no user', {
      hint: 'name the user in --engine URL, or in the file of --engine-secrets',
    })
  }
  const both = password === undefined ? user : `${user}:${encodeURIComponent(password)}`
  return `${scheme}${both}@${rest}`
}

async function memberId(directory: string): Promise<string> {
  const make = (): Promise<Uint8Array> =>
    Promise.resolve(new TextEncoder().encode(`${toHex(randomBytes(8))}\n`))
  const path = join(directory, ID_FILE)
  const id = decodeUtf8(await readOrCreateSecret(path, make))?.trim() ?? ''
  if (ID.test(id)) return id
  throw new DstoreError('unreadable', `${path} is damaged`, { hint: 'delete it' })
}

export interface SettleOptions {
  readonly objects: ObjectStore
  readonly directory: string
  readonly keyFile: string | undefined
  readonly random: (length: number) => Uint8Array
  readonly log: Log
  readonly ready?: () => Promise<void>
}

/**
 * Every member has the identity of the set. `ready` may refuse the start before anything is made,
 * in the bucket or in the state directory.
 */
export async function settleIdentity({
  objects,
  directory: dir,
  keyFile,
  random,
  log,
  ready = () => Promise.resolve(),
}: SettleOptions): Promise<void> {
  const settle = async (): Promise<void> => {
    const steps = await checkIdentity({ objects, dir, keyFile, random, log, of: 'set' })
    await ready()
    await makeSet(objects, random)
    await steps.archive()
    await steps.place()
  }
  try {
    await settle()
  } catch (error) {
    if (asDstoreError(error).code !== 'conflict') throw error
    // Of members that start a set together, one makes the identity, and the others take it.
    await settle()
  }
}
