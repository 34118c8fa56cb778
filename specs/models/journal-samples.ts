/** Changes and bodies of entries that the vectors of document 009 are made of. */
import type { ModelChange, ModelEntry, ModelValue } from './journal-entries.ts'

export const LARGEST: number = 2 ** 53 - 1
export const HERE = '000000030000000000a1'
const THERE = '000000030000000000a2'
const ID = 'ab'.repeat(32)

const small: ModelValue = {
  location: HERE,
  size: 3,
  outboardBytes: 0,
  place: 'small',
  bytes: '010203',
}
export const large: ModelValue = {
  location: THERE,
  size: 40_000,
  outboardBytes: 128,
  place: 'records',
  bytes: 'cd'.repeat(128),
}
const largest: ModelValue = {
  location: THERE,
  size: LARGEST,
  outboardBytes: 2 ** 45,
  place: 'file',
  bytes: '',
}

type Transaction = ModelChange & { readonly type: 'transaction' }

export const nothing: Transaction = {
  type: 'transaction',
  conditions: [],
  writes: [],
  increments: [],
  entry: null,
  adopt: [],
  release: [],
}

export const put: Transaction = {
  ...nothing,
  conditions: [{ table: 'keys', id: ID, version: 0 }],
  writes: [{ table: 'keys', id: ID, value: '0a0b' }],
  entry: '0c',
  adopt: [small],
}

export const everything: Transaction = {
  type: 'transaction',
  conditions: [
    { table: 'keys', id: ID, version: LARGEST },
    { table: 'meta', id: '6d', present: true },
    { table: 'names', id: '612f', prefix: true },
    { table: 'names', id: '', prefix: true },
  ],
  writes: [
    { table: 'keys', id: ID, value: null },
    { table: 'names', id: '61', value: '' },
    { table: 'meta', id: 'ff'.repeat(1024), value: '00' },
  ],
  increments: [
    { table: 'meta', id: '63', by: 1 },
    { table: 'meta', id: '64', by: -1 },
    { table: 'meta', id: '65', by: LARGEST },
    { table: 'meta', id: '66', by: -LARGEST },
  ],
  entry: '',
  adopt: [small, large, largest],
  release: [HERE, THERE],
}

export const begin: Pick<ModelEntry, 'kind'> = { kind: 'begin' }
export const changes = (...all: readonly ModelChange[]): Pick<ModelEntry, 'kind' | 'changes'> => ({
  kind: 'changes',
  changes: all,
})
