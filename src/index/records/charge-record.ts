/**
 * What a rule charges a name, and the order in which the names of a rule were used and bound
 * (specs/004-index.md, R004-142 and R004-144). A name under no rule has none of these rows. They
 * are hand-made, as there are as many as names.
 */
import { viewOf } from '../../bytes.ts'
import type { RecordKey, Row } from '../../store/store.ts'
import { nameBytes } from '../name.ts'
import { damaged } from './record.ts'

export interface Charge {
  /** The id of the rule. */
  readonly rule: number
  /** The binding that is charged: the seq of the change that made it. */
  readonly version: number
  readonly size: number
  /** When it was last used, by the clock of runs. */
  readonly usedMs: number
  /** When it was bound, by the wall clock, if it stands in the order of ages. */
  readonly agedMs: number | undefined
}

/** The prefix of all charges. */
export const CHARGE_ROWS: Uint8Array = nameBytes('charge/')

const LENGTH = 4 + 4 * 8
/** Of a name that does not stand in the order of ages. */
const NO_AGE = 2n ** 64n - 1n

export function chargeRow(name: string): RecordKey {
  return { table: 'meta', id: idOf(CHARGE_ROWS, 0, name) }
}

export const chargedName = ({ id }: Pick<Row, 'id'>): string =>
  decoder.decode(id.subarray(CHARGE_ROWS.byteLength))

export function encodeCharge({ rule, version, size, usedMs, agedMs }: Charge): Uint8Array {
  const bytes = new Uint8Array(LENGTH)
  const view = viewOf(bytes)
  view.setUint32(0, rule)
  view.setBigUint64(4, BigInt(version))
  view.setBigUint64(12, BigInt(size))
  view.setBigUint64(20, BigInt(usedMs))
  view.setBigUint64(28, agedMs === undefined ? NO_AGE : BigInt(agedMs))
  return bytes
}

/** Throws `integrity` if the row is damaged. */
export function decodeCharge({ value }: Row): Charge {
  if (value.byteLength !== LENGTH) throw damaged(undefined)
  const view = viewOf(value)
  const age = view.getBigUint64(28)
  return {
    rule: view.getUint32(0),
    version: Number(view.getBigUint64(4)),
    size: Number(view.getBigUint64(12)),
    usedMs: Number(view.getBigUint64(20)),
    agedMs: age === NO_AGE ? undefined : Number(age),
  }
}

const USES = nameBytes('use/')
const AGES = nameBytes('age/')
const ORDER = 4 + 8

/** The prefix of the order of use of a rule: the id and a time follow, and the name. */
export const useRows = (rule: number): Uint8Array => prefixOf(USES, rule)

/** The prefix of the order in which the names of a rule were bound. */
export const ageRows = (rule: number): Uint8Array => prefixOf(AGES, rule)

export const useRow = (rule: number, usedMs: number, name: string): RecordKey =>
  ordered(USES, rule, usedMs, name)

export const ageRow = (rule: number, boundMs: number, name: string): RecordKey =>
  ordered(AGES, rule, boundMs, name)

/** A row of one of these orders. */
export interface Ordered {
  readonly ms: number
  readonly name: string
  readonly version: number
  readonly size: number
}

/** Its value: what is charged. */
export function encodeOrdered({ version, size }: Pick<Charge, 'version' | 'size'>): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = viewOf(bytes)
  view.setBigUint64(0, BigInt(version))
  view.setBigUint64(8, BigInt(size))
  return bytes
}

/** Throws `integrity` if the row is damaged. */
export function decodeOrdered({ id, value }: Row): Ordered {
  if (value.byteLength !== 16) throw damaged(undefined)
  const view = viewOf(value)
  // Both orders have prefixes of one length.
  const at = USES.byteLength + 4
  return {
    ms: Number(viewOf(id).getBigUint64(at)),
    name: decoder.decode(id.subarray(at + 8)),
    version: Number(view.getBigUint64(0)),
    size: Number(view.getBigUint64(8)),
  }
}

function prefixOf(order: Uint8Array, rule: number): Uint8Array {
  const id = idOf(order, 4, '')
  viewOf(id).setUint32(order.byteLength, rule)
  return id
}

function ordered(order: Uint8Array, rule: number, ms: number, name: string): RecordKey {
  const id = idOf(order, ORDER, name)
  const view = viewOf(id)
  view.setUint32(order.byteLength, rule)
  view.setBigUint64(order.byteLength + 4, BigInt(ms))
  return { table: 'meta', id }
}

/** A prefix, room for numbers, and a name. */
function idOf(prefix: Uint8Array, room: number, name: string): Uint8Array {
  const bytes = nameBytes(name)
  const id = new Uint8Array(prefix.byteLength + room + bytes.byteLength)
  id.set(prefix)
  id.set(bytes, prefix.byteLength + room)
  return id
}

const decoder = new TextDecoder()
