/** The messages of both protocols, by the numbers of their schemas (specs/003, specs/004). */
import { randomBytes } from 'node:crypto'
import { decode, encode, frame, numberAt, textAt } from './protobuf.ts'
import type { Field, Fields } from './protobuf.ts'

export const INDEX = '/dstore/index/1'
export const TRANSFER = '/dstore/transfer/1'

/** Kinds of index message, by the number of their field. */
export const INDEX_KINDS = {
  hello: 2,
  welcome: 3,
  locate: 4,
  located: 5,
  put: 6,
  stored: 7,
  offer: 8,
  offered: 9,
  remove: 10,
  removed: 11,
  list: 12,
  listed: 13,
  ping: 14,
  pong: 15,
  goodbye: 16,
  failure: 17,
  feed: 18,
  ack: 19,
  bind: 20,
  unbind: 21,
  lookup: 22,
  binding: 23,
  names: 24,
  named: 25,
  watch: 26,
  watched: 27,
  invite: 41,
  invited: 42,
  admit: 43,
  admitted: 44,
  expel: 45,
  members: 46,
  memberPage: 47,
  hold: 48,
  held: 49,
  present: 50,
  presentAnswer: 51,
  makeDirectories: 52,
  madeDirectories: 53,
  commitTree: 54,
  rebind: 55,
  rebound: 56,
  tagHistory: 57,
  tagTargets: 58,
  setRule: 61,
  removeRule: 62,
  accepted: 63,
  rules: 64,
  ruleList: 65,
  reportUse: 66,
  contents: 70,
  storeContents: 71,
  putBatch: 80,
  storedBatch: 81,
} as const

export const TRANSFER_KINDS = {
  fetch: 1,
  found: 2,
  upload: 3,
  accept: 4,
  piece: 5,
  finish: 6,
  stored: 7,
  failure: 8,
  join: 9,
  holders: 10,
  received: 13,
} as const

export type IndexKind = keyof typeof INDEX_KINDS
export type TransferKind = keyof typeof TRANSFER_KINDS

export interface Heard<Kind> {
  readonly kind: Kind
  /** 0 in the transfer protocol, which has none. */
  readonly id: number
  readonly fields: Fields
}

/** An index message as a frame. */
export function index(kind: IndexKind, id: number, fields: readonly Field[] = []): Uint8Array {
  return frame(indexMessage(kind, id, fields))
}

export function indexMessage(kind: IndexKind, id: number, fields: readonly Field[]): Uint8Array {
  return encode([...(id === 0 ? [] : [[1, id] as const]), [INDEX_KINDS[kind], fields]])
}

/** A transfer message as a frame. */
export function transfer(kind: TransferKind, fields: readonly Field[] = []): Uint8Array {
  return frame(encode([[TRANSFER_KINDS[kind], fields]]))
}

export function heardIndex(message: Uint8Array): Heard<IndexKind> {
  return heard(message, INDEX_KINDS)
}

export function heardTransfer(message: Uint8Array): Heard<TransferKind> {
  return heard(message, TRANSFER_KINDS)
}

function heard<Kind extends string>(
  message: Uint8Array,
  kinds: Readonly<Record<Kind, number>>,
): Heard<Kind> {
  const fields = decode(message)
  for (const [kind, number] of Object.entries(kinds) as [Kind, number][]) {
    const body = fields.get(number)?.at(-1)
    if (!(body instanceof Uint8Array)) continue
    return { kind, id: numberAt(fields, 1), fields: decode(body) }
  }
  throw new Error(`a message that this page does not know: ${Buffer.from(message).toString('hex')}`)
}

/** What a failure says, whichever protocol it is of. */
export function failureText({ fields }: Heard<string>): string {
  return `${textAt(fields, 1)}: ${textAt(fields, 2)}`
}

export const hello = (more: readonly Field[] = [], version = 1): Uint8Array =>
  index('hello', 1, [[1, Uint8Array.of(version)], [2, randomBytes(16)], ...more])
