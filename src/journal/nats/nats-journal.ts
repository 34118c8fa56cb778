/** Opens the journal of a set in NATS JetStream (specs/009-journal.md, "NATS"). */
import type { ObjectStore } from '../../bucket/object-store.ts'
import { DstoreError } from '../../errors.ts'
import { openEngineJournal } from '../engine/engine-journal.ts'
import { type EnginePlace, parseEnginePlace } from '../engine/place.ts'
import {
  ENGINE_REQUEST_MS,
  type Engine,
  type EngineRoom,
  type EngineTls,
  type OnMoved,
  awayError,
  missingJournal,
} from '../engine/engine.ts'
import { type Journal, checkPosition } from '../journal.ts'
import { type StreamInfo, roomOf } from './answers.ts'
import { type Nats, type NatsUser, connectNats, loadNats } from './client.ts'
import { JetStream } from './jetstream.ts'
import { LargeEntries } from './large-entries.ts'
import { NatsEngine } from './nats-engine.ts'
import { checkServers, checkVersion } from './servers.ts'
import { checkPayload, checkStream, isStreamName, namesOf, streamConfig } from './stream.ts'

export interface NatsJournalOptions {
  /** `nats://[USER[:PASSWORD]@]HOST[:PORT][,HOST...]/SET`, or `tls://` where TLS is a must. */
  readonly url: string
  /** The text of a `.creds` file, in place of user and password. */
  readonly credentials?: string
  readonly tls?: EngineTls
  /** A user of the system account: servers tell only those how they write. */
  readonly system?: NatsUser
  /** Where entries go that are too large for a message; without it they are refused. */
  readonly objects?: ObjectStore
  /** Fail with `integrity` where there is no stream, and make none. */
  readonly mustExist?: boolean
  /** Where a new journal begins: after this position. Default: 0. */
  readonly start?: { readonly position: number }
  /** For tests: a stream with one replica may do, and nothing is asked of the system account. */
  readonly isTest?: boolean
  /** How long a request may take before its outcome is in doubt. */
  readonly requestMs?: number
  /** How long a follower at the end waits before it looks again, unless it hears of more. */
  readonly pollMs?: number
  /** Hears at the opening how full the parts of the engine are that have a limit. */
  readonly onRooms?: ((rooms: readonly EngineRoom[]) => void) | undefined
  /** Loads the client, for tests. */
  readonly load?: () => Promise<Nats>
}

const PORT = 4222

/**
 * Makes the stream if there is none. Errors: `unsupported` without the package, `incompatible` for
 * servers or a stream that do not keep what they acknowledge, `unreachable`, `not-permitted`,
 * `integrity`.
 */
export function openNatsJournal(options: NatsJournalOptions): Promise<Journal> {
  const place = parseEnginePlace(options.url, ['nats', 'tls'], PORT)
  if (!isStreamName(place.name)) {
    const message = `a set needs a name of up to 32 letters, digits, - and _: ${place.label}`
    throw new DstoreError('usage', message, { hint: 'put it after the hosts: nats://HOST/NAME' })
  }
  checkPosition('start', options.start?.position ?? 0)
  return openEngineJournal({
    open: (onMoved) => open(options, place, onMoved),
    ...(options.pollMs !== undefined && { pollMs: options.pollMs }),
  })
}

async function open(
  options: NatsJournalOptions,
  place: EnginePlace,
  onMoved: OnMoved,
): Promise<Engine> {
  const {
    credentials,
    tls,
    system,
    objects,
    mustExist = false,
    isTest = false,
    requestMs = ENGINE_REQUEST_MS,
  } = options
  const nats = await (options.load ?? loadNats)()
  const { user, password } = place
  const connecting = { nats, place, tls }
  const connection = await connectNats({
    ...connecting,
    user: { user, password, ...(credentials !== undefined && { credentials }) },
  })
  const { label } = place
  try {
    const names = namesOf(place.name)
    const { info } = connection
    checkVersion(label, info?.server_name ?? 'that answers', info?.version ?? '0')
    checkPayload(label, info?.max_payload)
    const parts = { nats, connection, place: label, stream: names.stream, requestMs }
    const jetStream = new JetStream(parts)
    const wanted = { ...streamConfig(names, options.start?.position ?? 0) }
    const stream = await streamOf(
      label,
      jetStream,
      !mustExist && {
        ...wanted,
        ...(isTest && !isClustered(info) && { num_replicas: 1 }),
      },
    )
    if (stream === undefined) throw missingJournal(label, `the stream ${names.stream}`)
    const { config, members } = stream
    checkStream(label, names, config, { isTest })
    const rooms = isTest ? [] : await checkServers({ ...connecting, system, members })
    if (options.onRooms !== undefined) {
      const own = roomOf(`the stream ${names.stream}`, stream.bytes, config['max_bytes'])
      options.onRooms([...own, ...(await jetStream.accountRooms()), ...rooms])
    }
    const large = objects && new LargeEntries(objects)
    return new NatsEngine({ place: label, connection, jetStream, names, large, onMoved })
  } catch (error) {
    await connection.close()
    throw error
  }
}

const isClustered = (info: { readonly cluster?: string } | undefined): boolean =>
  info?.cluster !== undefined && info.cluster !== ''

/**
 * Makes the wanted one where there is none; another member of the set may do so at the same time.
 * Undefined where there is none, and none is wanted.
 */
async function streamOf(
  label: string,
  jetStream: JetStream,
  wanted: object | false,
): Promise<StreamInfo | undefined> {
  const info = await jetStream.info()
  if (info !== undefined || wanted === false) return info
  let fault: unknown
  await jetStream.create(wanted).catch((error: unknown) => (fault = error))
  const made = await jetStream.info()
  if (made !== undefined) return made
  throw fault ?? awayError(label, 'the stream that was made is not there')
}
