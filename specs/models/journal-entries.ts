/**
 * The executable model of document 009: the bytes of entries, what is refused, and which entry may
 * follow which. It is slow and shares nothing with the product. An entry is written as a list of
 * named fields, so that attacks can change one of them.
 */
import { hex, unhex } from './directories.ts'
import { digest } from './verified-values.ts'

type Bytes = readonly number[]

/** A field and its bytes as they are written. */
export type Field = readonly [name: string, bytes: Bytes]

/** Bytes are hex digits, and a missing value is null. */
export interface ModelEntry {
  readonly set: string
  readonly epoch: number
  readonly writer: string
  readonly number: number
  readonly position: number
  readonly acknowledged: number
  readonly before: string
  readonly kind: 'changes' | 'heartbeat' | 'begin' | 'farewell'
  readonly changes?: readonly ModelChange[]
}

export type ModelTable = 'keys' | 'names' | 'meta'

export interface ModelKey {
  readonly table: ModelTable
  readonly id: string
}

export interface ModelValue {
  readonly location: string
  readonly size: number
  readonly outboardBytes: number
  readonly place: 'small' | 'records' | 'file'
  readonly bytes: string
}

export type ModelChange =
  | {
      readonly type: 'transaction'
      readonly conditions: readonly (
        | (ModelKey & { readonly version: number })
        | (ModelKey & { readonly present: true })
        | (ModelKey & { readonly prefix: true })
      )[]
      readonly writes: readonly (ModelKey & { readonly value: string | null })[]
      readonly increments: readonly (ModelKey & { readonly by: number })[]
      readonly entry: string | null
      readonly adopt: readonly ModelValue[]
      readonly release: readonly string[]
    }
  | { readonly type: 'trim'; readonly upto: number }
  | { readonly type: 'damaged'; readonly location: string }
  | { readonly type: 'replace'; readonly location: string; readonly by: ModelValue }

const KINDS = ['changes', 'heartbeat', 'begin', 'farewell'] as const
const TYPES = ['transaction', 'trim', 'damaged', 'replace'] as const
const TABLES = ['keys', 'names', 'meta'] as const
const PLACES = ['small', 'records', 'file'] as const

export const bigEndian = (value: number | bigint, width: number): Bytes =>
  Array.from({ length: width }, (_, i) =>
    Number((BigInt(value) >> BigInt(8 * (width - 1 - i))) & 255n),
  )

const number = (name: string, value: number, width: number): Field => [
  name,
  bigEndian(value, width),
]
const raw = (name: string, text: string): Field => [name, unhex(text)]
const choice = <T>(name: string, things: readonly T[], thing: T): Field => [
  name,
  [things.indexOf(thing) + 1],
]
const counted = <T>(name: string, list: readonly T[], write: (one: T) => Field[]): Field[] => [
  number(`number of ${name}s`, list.length, 4),
  ...list.flatMap(write),
]
const maybe = (name: string, text: string | null): Field[] =>
  text === null
    ? [[`presence of ${name}`, [0]]]
    : [
        [`presence of ${name}`, [1]],
        number(`length of ${name}`, text.length / 2, 4),
        raw(name, text),
      ]

/** An entry, field by field. */
export function fieldsOf(entry: ModelEntry): Field[] {
  return [
    ['format', [1]],
    choice('kind', KINDS, entry.kind),
    raw('set', entry.set),
    number('epoch', entry.epoch, 8),
    raw('writer', entry.writer),
    number('number', entry.number, 8),
    number('position', entry.position, 8),
    number('acknowledged', entry.acknowledged, 8),
    raw('before', entry.before),
    ...(entry.changes === undefined ? [] : counted('change', entry.changes, changeFields)),
  ]
}

function changeFields(change: ModelChange): Field[] {
  const type = choice('type', TYPES, change.type)
  switch (change.type) {
    case 'transaction':
      return [
        type,
        ...counted('condition', change.conditions, (condition) => {
          if ('version' in condition) {
            return [
              ['kind of condition', [1]],
              ...keyFields(condition),
              number('version', condition.version, 8),
            ]
          }
          return [['kind of condition', ['present' in condition ? 2 : 3]], ...keyFields(condition)]
        }),
        ...counted('write', change.writes, (write) => [
          ...keyFields(write),
          ...maybe('record', write.value),
        ]),
        ...counted('increment', change.increments, (increment) => [
          ...keyFields(increment),
          number('increment', increment.by, 8),
        ]),
        ...maybe('log entry', change.entry),
        ...counted('adopted value', change.adopt, valueFields),
        ...counted('released value', change.release, (location) => [raw('location', location)]),
      ]
    case 'trim':
      return [type, number('seq', change.upto, 8)]
    case 'damaged':
      return [type, raw('location', change.location)]
    case 'replace':
      return [type, raw('location', change.location), ...valueFields(change.by)]
  }
}

const keyFields = ({ table, id }: ModelKey): Field[] => [
  choice('table', TABLES, table),
  number('length of id', id.length / 2, 2),
  raw('id', id),
]

const valueFields = (value: ModelValue): Field[] => [
  raw('location', value.location),
  number('size', value.size, 8),
  number('length of outboard', value.outboardBytes, 8),
  choice('place', PLACES, value.place),
  raw('bytes of value', value.bytes),
]

export const encodeFields = (fields: readonly Field[]): Uint8Array =>
  Uint8Array.from(fields.flatMap(([, bytes]) => bytes))

export const encode = (entry: ModelEntry): Uint8Array => encodeFields(fieldsOf(entry))

export const entryDigest = (entry: Uint8Array): string => hex(digest(entry))

export const NO_ENTRY: string = '00'.repeat(32)

/** Entries of one writer in a row, from the first of a journal on. */
export function journalOf(
  bodies: readonly (Pick<ModelEntry, 'kind' | 'changes'> & Partial<ModelEntry>)[],
): ModelEntry[] {
  const entries: ModelEntry[] = []
  let before = NO_ENTRY
  for (const [i, body] of bodies.entries()) {
    const entry: ModelEntry = {
      set: '11'.repeat(16),
      epoch: 1,
      writer: '22'.repeat(16),
      number: i + 1,
      position: i + 1,
      acknowledged: i,
      before,
      ...body,
    }
    entries.push(entry)
    before = entryDigest(encode(entry))
  }
  return entries
}
