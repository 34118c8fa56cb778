/** The stream of a journal: how it is made, and whether one that is there keeps the promise. */
import { JOURNAL_INLINE_BYTES, KIB } from '../../limits.ts'
import type { DstoreError } from '../../errors.ts'
import { unfit } from '../engine/engine.ts'
import { type Json, list, string } from './answers.ts'

/** Replicas of a stream, of which a majority has what was acknowledged. */
const REPLICAS = 3
/** What a message takes beside its data. */
const HEADERS_BYTES = 64 * KIB

export interface StreamNames {
  readonly stream: string
  /** Of entries as they are. */
  readonly entries: string
  /** Of entries that are objects of the bucket. */
  readonly references: string
  /** Says that the end moved. The stream does not keep it. */
  readonly moved: string
}

const NAME = /^[A-Za-z0-9_-]{1,32}$/

export const isStreamName = (name: string): boolean => NAME.test(name)

export function namesOf(name: string): StreamNames {
  const prefix = `dstore.${name}`
  return {
    stream: `dstore_${name}`,
    entries: `${prefix}.j.entry`,
    references: `${prefix}.j.object`,
    moved: `${prefix}.moved`,
  }
}

/** `after`: the position of the last entry that is not in the journal. */
export function streamConfig({ stream, entries, references }: StreamNames, after: number): object {
  return {
    ...NEEDED,
    name: stream,
    subjects: [entries, references],
    num_replicas: REPLICAS,
    allow_direct: true,
    ...(after > 0 && { first_seq: after + 1 }),
  }
}

/** Settings that lose or change entries if they have another value. */
const NEEDED: Json = {
  storage: 'file',
  retention: 'limits',
  discard: 'new',
  deny_delete: true,
  max_msgs: -1,
  max_msgs_per_subject: -1,
  max_age: 0,
}

/** Settings that do so if they are there at all. */
const REFUSED = [
  'allow_rollup_hdrs',
  'allow_msg_ttl',
  'allow_msg_counter',
  'allow_msg_schedules',
  'deny_purge',
  'mirror',
  'no_ack',
  'republish',
  'sealed',
  'sources',
  'subject_transform',
]

const isSet = (value: unknown): boolean => {
  const isEmptyList = Array.isArray(value) && value.length === 0
  return value !== undefined && value !== null && value !== false && !isEmptyList
}

/** Throws `incompatible`, and says which setting is wrong. */
export function checkStream(
  place: string,
  { stream, entries, references }: StreamNames,
  config: Json,
  { isTest }: { readonly isTest: boolean },
): void {
  const wrong = (setting: string, wanted: unknown): DstoreError => {
    const has = JSON.stringify(config[setting]) ?? 'none'
    const message = `the stream ${stream} has ${setting} ${has}, and needs ${String(wanted)}`
    return unfit(place, message, 'correct the stream, or use another name for the set')
  }
  for (const [setting, wanted] of Object.entries(NEEDED)) {
    // What is left out is 0 or false.
    if ((config[setting] ?? (wanted === 0 ? 0 : undefined)) !== wanted) throw wrong(setting, wanted)
  }
  for (const setting of REFUSED) if (isSet(config[setting])) throw wrong(setting, 'none')
  if (config['persist_mode'] === 'async') throw wrong('persist_mode', 'default')
  if (config['allow_direct'] !== true) throw wrong('allow_direct', true)
  const subjects = list(config['subjects']).map(string)
  if (subjects.toSorted((a, b) => (a < b ? -1 : 1)).join() !== [entries, references].join()) {
    throw wrong('subjects', [entries, references].join())
  }
  const most = config['max_msg_size']
  if (typeof most === 'number' && most > 0 && most < JOURNAL_INLINE_BYTES + HEADERS_BYTES) {
    throw wrong('max_msg_size', -1)
  }
  if (!isTest && !(Number(config['num_replicas']) >= REPLICAS)) {
    throw wrong('num_replicas', `${REPLICAS} or more`)
  }
}

/** Throws `incompatible` where the servers take no message that is as large as an entry may be. */
export function checkPayload(place: string, maxPayload: number | undefined): void {
  const needed = JOURNAL_INLINE_BYTES + HEADERS_BYTES
  if (maxPayload !== undefined && maxPayload >= needed) return
  const why = `the server has max_payload ${maxPayload}, and needs ${needed} or more`
  throw unfit(place, why, 'set max_payload: 1MB, the default, on every server')
}
