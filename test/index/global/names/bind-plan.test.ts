import { leftBy } from '../../../../src/index/global/names/bind-plan.ts'
import type { Wanted } from '../../../../src/index/global/names/naming.ts'
import { encodeBinding } from '../../../../src/index/records/name-record.ts'
import { ALL_RULES } from '../../../../src/index/rules.ts'
import { test } from '../../../serial.ts'
import { digestOf } from '../machine.ts'

const rowOf = (tag: boolean) => ({
  id: Buffer.from('n'),
  value: encodeBinding({ digest: digestOf(1), directory: false, tag }),
  version: 1,
})

const wanted = (n: number, over: Partial<Wanted> = {}): Wanted => ({
  name: 'n',
  digest: digestOf(n),
  directory: false,
  naming: { tag: true },
  moves: true,
  wallMs: 0,
  isAdmin: true,
  isWallTrusted: true,
  rules: ALL_RULES,
  ...over,
})

test('R004-119: a key loses a name only to a move of a tag to another key', (t) => {
  t.deepEqual(leftBy(rowOf(true), wanted(2)), digestOf(1))
  t.is(leftBy(undefined, wanted(2)), undefined, 'it is not bound')
  t.is(leftBy(rowOf(true), wanted(1)), undefined, 'to the same key')
  t.is(leftBy(rowOf(true), wanted(1, { directory: true })), undefined, 'its bytes have one row')
  t.is(leftBy(rowOf(false), wanted(2)), undefined, 'it is fixed')
  t.is(leftBy(rowOf(true), wanted(2, { naming: {} })), undefined, 'a fixed name is asked for')
  t.is(leftBy(rowOf(true), wanted(2, { moves: false })), undefined, 'it is a bind')
})
