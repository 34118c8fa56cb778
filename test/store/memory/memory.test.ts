import { test } from '../../serial.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'
import { type Harness, storeSuite } from '../conformance.ts'

storeSuite({
  test,
  name: 'memory',
  supports: { durable: false },
  create: async (options): Promise<Harness> => {
    const store = createMemoryStore(options)
    return {
      store,
      reopen: () => Promise.reject(new TypeError('the memory store keeps nothing to reopen')),
      destroy: () => store.close(),
    }
  },
})

test('memory: says what it is, and checks its bound', (t) => {
  t.is(createMemoryStore().kind, 'memory')
  t.throws(() => createMemoryStore({ maxBytes: -1 }), { instanceOf: RangeError })
})

test('memory: reads give views, not copies', async (t) => {
  const store = createMemoryStore()
  const staging = await store.stage(3)
  await staging.write(Uint8Array.of(1, 2, 3))
  const location = await staging.seal(new Uint8Array(0))
  const buffers = new Set<ArrayBufferLike>()
  for (let i = 0; i < 2; i++) {
    for await (const piece of store.read(location, { start: 0, end: 3 })) buffers.add(piece.buffer)
  }
  t.is(buffers.size, 1)
})
