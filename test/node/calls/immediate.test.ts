/** Values that Global gives without a wait (specs/007, R007-212). */
import { test } from '../../serial.ts'
import { equal } from '../../../src/bytes.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import { encodeKey } from '../../../src/index/records/record.ts'
import { GROUP_BYTES } from '../../../src/limits.ts'
import { immediateValue } from '../../../src/node/calls/immediate.ts'
import type { ImmediateReads } from '../../../src/store/store.ts'
import { pattern } from '../../hash/sizes.ts'
import { Nodes, once, read } from '../nodes.ts'

for (const store of ['memory', 'disk'] as const) {
  test(`R007-212: a ${store} store gives small values without a wait, by key and by name, and only these`, async (t) => {
    const node = await new Nodes(t).open({ role: 'standalone', store })
    for (const size of [1, 1000, GROUP_BYTES - 1, GROUP_BYTES]) {
      const bytes = pattern(size)
      const name = `of ${size}`
      const { key } = await node.put({ bytes: once(bytes), size }, { name })
      for (const word of [key.toString(), name]) {
        const value = node.getImmediate!(word)
        t.deepEqual(value?.bytes, bytes, word)
        t.true(value?.key.equals(key))
      }
      t.is(node.getImmediate!(key.toHex()), undefined, 'another spelling')
      t.deepEqual(await read(node, key), bytes)
      await node.index.unbind(name)
      t.is(node.getImmediate!(key.toString()), undefined, 'removed')
      t.is(node.getImmediate!(name), undefined, 'unbound')
    }
    for (const size of [0, GROUP_BYTES + 1]) {
      const { key } = await node.put({ bytes: once(pattern(size)), size })
      t.is(node.getImmediate!(key.toString()), undefined, `${size} bytes`)
    }
    for (const word of ['', 'nobody', '\0', 'x'.repeat(5000), `b${'a'.repeat(58)}`]) {
      t.is(node.getImmediate!(word), undefined)
    }
    const { key } = await node.put({ bytes: once(pattern(10)), size: 10 })
    await node.close()
    t.is(node.getImmediate!(key.toString()), undefined, 'closed')
  })
}

test('promise 1, R007-212: bytes of a disk are verified before they are given without a wait', async (t) => {
  const node = await new Nodes(t).open({ role: 'standalone', store: 'memory' })
  const bytes = pattern(100)
  const { key } = await node.put({ bytes: once(bytes), size: 100 }, { name: 'it' })
  const good = reads(key, bytes)
  for (const kind of ['memory', 'disk'] as const) {
    t.deepEqual(immediateValue({ kind, immediate: good }, key.toString())?.bytes, bytes)
  }
  const flipped = bytes.slice()
  flipped[50]! ^= 1
  const bad = reads(key, flipped)
  t.is(immediateValue({ kind: 'disk', immediate: bad }, key.toString()), undefined)
  t.is(
    immediateValue({ kind: 'disk', immediate: reads(key, bytes.subarray(1)) }, key.toString()),
    undefined,
  )
  t.is(immediateValue({ kind: 'disk' }, key.toString()), undefined, 'a store that waits')
  t.true(new Key(hash(bytes).digest).equals(key))
})

/** A store whose one key has these bytes. */
function reads(key: Key, bytes: Uint8Array): ImmediateReads {
  const value = encodeKey({ size: 100, location: 'here', names: 0, unnamed: true })
  return {
    row: ({ id }) => (equal(id, key.digest) ? { id, value, version: 1 } : undefined),
    value: (location) => (location === 'here' ? bytes : undefined),
  }
}
