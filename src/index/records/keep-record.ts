/** The rows of replaced targets, each of which keeps its key until a time (R004-121). */
import { viewOf } from '../../bytes.ts'
import { DIGEST_BYTES } from '../../limits.ts'
import type { RecordKey, Row } from '../../store/store.ts'
import type { Digest } from '../message.ts'
import { nameBytes } from '../name.ts'

/** Their prefix; they lie in the order of their times. */
export const KEEP_ROWS: Uint8Array = nameBytes('keep/')

const TIME_AT = KEEP_ROWS.byteLength
const DIGEST_AT = TIME_AT + 8
const RUN_AT = DIGEST_AT + DIGEST_BYTES
const LENGTH = RUN_AT + 16

export interface Keep {
  /** Wall clock, in milliseconds. */
  readonly untilMs: number
  readonly digest: Digest
}

/** `run` and `number` together are unique in the store. */
export function keepRow({ untilMs, digest }: Keep, run: number, number: number): RecordKey {
  const id = new Uint8Array(LENGTH)
  id.set(KEEP_ROWS)
  const view = viewOf(id)
  view.setBigUint64(TIME_AT, BigInt(untilMs))
  id.set(digest, DIGEST_AT)
  view.setBigUint64(RUN_AT, BigInt(run))
  view.setBigUint64(RUN_AT + 8, BigInt(number))
  return { table: 'meta', id }
}

/** Its value: the id says everything. */
export const KEEP: Uint8Array = Uint8Array.of(1)

export const keepOf = ({ id }: Pick<Row, 'id'>): Keep => ({
  untilMs: Number(viewOf(id).getBigUint64(TIME_AT)),
  digest: id.slice(DIGEST_AT, RUN_AT),
})
