/** What JetStream answers, as far as it is used. All of it comes from outside. */
import { DstoreError } from '../../errors.ts'
import type { EngineRoom } from '../engine/engine.ts'
import type { Extent } from '../journal.ts'

/** JetStream's own numbers of what went wrong. */
export const NATS_CODES = {
  insufficientResources: 10_023,
  noMessage: 10_037,
  storageFull: 10_047,
  messageTooLarge: 10_054,
  streamNotFound: 10_059,
  wrongLastSequence: 10_071,
  /** A stream on several servers is wanted of one server. */
  notClustered: 10_074,
  storeFailed: 10_077,
  /** Another message is proposed, and it is not decided yet. */
  undecided: 10_164,
} as const

export interface NatsFault {
  readonly code: number
  readonly description: string
}

/** An answer in JSON. */
export type Json = Readonly<Record<string, unknown>>

export interface StoredMessage {
  readonly sequence: number
  readonly subject: string
  readonly data: Uint8Array
}

export function jsonIn(place: string, data: Uint8Array): Json {
  try {
    return record(JSON.parse(new TextDecoder().decode(data)))
  } catch (error) {
    throw new DstoreError('protocol', `${place}: the answer of the server is no JSON`, {
      cause: error,
    })
  }
}

/** The object there, or an empty one. */
export const record = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {}

export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

export const string = (value: unknown): string => (typeof value === 'string' ? value : '')

export function faultIn(answer: Json): NatsFault | undefined {
  if (answer['error'] === undefined) return undefined
  const { err_code, code, description } = record(answer['error'])
  return { code: Number(err_code ?? code), description: string(description).slice(0, 200) }
}

export function whole(place: string, what: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new DstoreError('protocol', `${place}: the server says no whole number for ${what}`)
}

/** None where there is no limit, or the server does not say one. */
export function roomOf(what: string, used: unknown, most: unknown): EngineRoom[] {
  if (typeof used !== 'number' || typeof most !== 'number' || !(most > 0)) return []
  return [{ what, usedBytes: used, mostBytes: most }]
}

export function messageIn(place: string, answer: Json): StoredMessage {
  const { seq, subject, data } = record(answer['message'])
  return {
    sequence: whole(place, 'a sequence', seq),
    subject: string(subject),
    data: new Uint8Array(Buffer.from(string(data), 'base64')),
  }
}

/** What the leader of a stream says of it. */
export interface StreamInfo {
  readonly config: Json
  readonly extent: Extent
  /** Names of the servers that have the stream, with the leader, unless it is on one server. */
  readonly members: readonly string[]
  /** Does the leader hear from a majority of the members, itself included? */
  readonly isHeard: boolean
  /** What its messages take. */
  readonly bytes: number
}

/** A leader that does not hear of a member for so long may have been replaced by now. */
const SILENT_NS = 3_000_000_000

export function streamInfoIn(place: string, answer: Json): StreamInfo {
  const state = record(answer['state'])
  const last = whole(place, 'the last sequence', state['last_seq'])
  const isEmpty = state['messages'] === 0
  const first = isEmpty ? last + 1 : whole(place, 'the first sequence', state['first_seq'])
  const cluster = record(answer['cluster'])
  const leader = string(cluster['leader'])
  const replicas = list(cluster['replicas']).map(record)
  const heard = replicas.filter(
    ({ offline, active }) => offline !== true && typeof active === 'number' && active < SILENT_NS,
  )
  return {
    config: record(answer['config']),
    extent: { first, last },
    members: leader === '' ? [] : [leader, ...replicas.map(({ name }) => string(name))],
    bytes: Number(state['bytes']),
    isHeard: 2 * (heard.length + 1) > replicas.length + 1,
  }
}
