/**
 * Codec of the records of members and tickets in Global's store (specs/006-membership.md,
 * "Records").
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { concat } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import type { RecordKey, Row } from '../store/store.ts'
import * as pb from './records_pb.ts'
import { isMemberRole, type MemberRole } from './role.ts'

/** A current or expelled member. */
export interface MemberRecord {
  /** Undefined if it was expelled. */
  readonly role: MemberRole | undefined
  /** When it was admitted or expelled, in milliseconds since 1970. */
  readonly sinceMs: number
  /** If it was expelled: the highest seq that the expulsion can have. */
  readonly expelled: number
  /** The hash of the secret of its ticket; undefined if it was admitted by peer id. */
  readonly ticket: Uint8Array | undefined
  /** What people call it. */
  readonly label?: string | undefined
}

/** A ticket that was issued. */
export interface TicketRecord {
  readonly role: MemberRole
  readonly usesLeft: number
  /** In milliseconds since 1970. */
  readonly expiresMs: number
  /** Peer id of the admin that issued it; empty for Global. */
  readonly by: string
  /** The label of the members that it admits. */
  readonly label?: string | undefined
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The prefixes of the row ids. */
export const MEMBER_ROWS: Uint8Array = encoder.encode('member/')
export const TICKET_ROWS: Uint8Array = encoder.encode('ticket/')

export const memberRow = (peer: string): RecordKey => ({
  table: 'meta',
  id: concat([MEMBER_ROWS, encoder.encode(peer)]),
})

export const ticketRow = (secretHash: Uint8Array): RecordKey => ({
  table: 'meta',
  id: concat([TICKET_ROWS, secretHash]),
})

export const memberOf = ({ id }: Row): string => decoder.decode(id.subarray(MEMBER_ROWS.byteLength))

export const secretHashOf = ({ id }: Row): Uint8Array => id.slice(TICKET_ROWS.byteLength)

export function encodeMember({ role, sinceMs, expelled, ticket, label }: MemberRecord): Uint8Array {
  const times = { sinceMs: BigInt(Math.round(sinceMs)), expelled: BigInt(expelled) }
  const fields = {
    ...times,
    ...(role && { role }),
    ...(ticket && { ticket }),
    ...(label && { label }),
  }
  return toBinary(pb.MemberRecordSchema, create(pb.MemberRecordSchema, fields))
}

export function decodeMember({ value }: Row): MemberRecord {
  const record = parse(() => fromBinary(pb.MemberRecordSchema, value))
  const { role, sinceMs, expelled, ticket, label } = record
  const times = { sinceMs: Number(sinceMs), expelled: Number(expelled) }
  return { role: role === undefined ? undefined : toRole(role), ...times, ticket, label }
}

export function encodeTicket({ role, usesLeft, expiresMs, by, label }: TicketRecord): Uint8Array {
  const times = { expiresMs: BigInt(Math.round(expiresMs)) }
  const fields = { role, usesLeft, by, ...times, ...(label && { label }) }
  return toBinary(pb.TicketRecordSchema, create(pb.TicketRecordSchema, fields))
}

export function decodeTicket({ value }: Row): TicketRecord {
  const record = parse(() => fromBinary(pb.TicketRecordSchema, value))
  const { role, usesLeft, expiresMs, by, label } = record
  return { role: toRole(role), usesLeft, expiresMs: Number(expiresMs), by, label }
}

function toRole(text: string): MemberRole {
  if (!isMemberRole(text)) throw damaged(undefined)
  return text
}

function parse<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw damaged(cause)
  }
}

const damaged = (cause: unknown): DstoreError =>
  new DstoreError('integrity', 'a record of a member or of a ticket is damaged', { cause })
