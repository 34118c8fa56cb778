/** Batches of small values at a node that keeps the index. */
import { test } from '../../serial.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { BATCH_ITEMS } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { Global } from '../../../src/node/global/global.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'
import type { Store } from '../../../src/store/store.ts'
import { read } from '../nodes.ts'

/** The store, and how often each of its methods was called. */
function counted(store: Store): { readonly store: Store; readonly calls: Map<string, number> } {
  const calls = new Map<string, number>()
  const proxy = new Proxy(store, {
    get(target, name: keyof Store) {
      const member: unknown = target[name]
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        calls.set(name, (calls.get(name) ?? 0) + 1)
        return Reflect.apply(member, target, args)
      }
    },
  })
  return { store: proxy, calls }
}

test('R007-197: a batch takes a few calls of the store, and the bytes are those of the call', async (t) => {
  const { store, calls } = counted(createMemoryStore())
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes))
  const clocks = { now: () => performance.now(), wall: Date.now }
  const network = { network: undefined, gate: undefined }
  const global = await Global.open({ store, log: SILENT, random, ...clocks, ...network })
  t.teardown(() => global.close())
  const values = Array.from({ length: BATCH_ITEMS }, (_, i) => Uint8Array.of(i & 255, i >> 8, 9))
  calls.clear()
  const stored = await global.putMany(values)
  t.deepEqual(Object.fromEntries(calls), { sealSmall: 1, usage: 1, rows: 1, commitAll: 1 })
  t.deepEqual(
    stored.map(({ key, size, existed }) => [key.toHex(), size, existed]),
    values.map((value) => [Buffer.from(hash(value).digest).toString('hex'), 3, false]),
  )
  calls.clear()
  const again = await global.putMany(values)
  t.true(again.every(({ existed }) => existed))
  t.deepEqual(Object.fromEntries(calls), {
    sealSmall: 1,
    usage: 1,
    rows: 1,
    confirm: 1,
    discard: BATCH_ITEMS,
  })
  t.like(await store.usage(), { values: BATCH_ITEMS, valueBytes: 3 * BATCH_ITEMS })

  const value = new Uint8Array(100).fill(7)
  const [alone] = await global.putMany([value])
  value.fill(8)
  t.deepEqual(await read(global, alone!.key), new Uint8Array(100).fill(7))
})
