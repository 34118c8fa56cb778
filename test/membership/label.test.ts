import { test } from '../serial.ts'
import { distinctLabel, isLabel, labelOfHost } from '../../src/membership/label.ts'
import { decodeMember, encodeMember, memberRow } from '../../src/membership/record.ts'
import { LABEL_CHARS } from '../../src/limits.ts'

test('R006-46 a label is short and plain, and does not pass for a peer id', (t) => {
  for (const good of ['a', 'build-7', 'x@y.z:1', 'x'.repeat(LABEL_CHARS)])
    t.true(isLabel(good), good)
  const id = '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'
  for (const bad of ['', 'a b', 'a\n', 'ä', 'a/b', 'x'.repeat(LABEL_CHARS + 1), id]) {
    t.false(isLabel(bad), bad)
  }
  t.is(labelOfHost('My Mac.local'), 'My-Mac.local')
  t.is(labelOfHost('x'.repeat(200))?.length, LABEL_CHARS)
  for (const none of ['', '...', '  ', id]) t.is(labelOfHost(none), undefined)
})

test('R006-48 a label that is taken gets the end of the peer id, and stays a label', (t) => {
  t.is(
    distinctLabel('ci', 'PEER-123456', () => false),
    'ci',
  )
  const long = distinctLabel('x'.repeat(LABEL_CHARS), 'PEER-123456', () => true)
  t.true(isLabel(long))
  t.true(long.endsWith('x-123456'))
})

test('R006-47 a label is durable with its member, and a row without one can be read', (t) => {
  const member = { role: 'reader', sinceMs: 1, expelled: 0, ticket: undefined } as const
  const read = (value: Uint8Array) => decodeMember({ id: memberRow('p').id, value, version: 1 })
  t.is(read(encodeMember({ ...member, label: 'ci' })).label, 'ci')
  t.is(read(encodeMember(member)).label, undefined)
})
