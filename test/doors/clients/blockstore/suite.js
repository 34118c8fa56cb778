// Runs the suite of interface-blockstore over dstore: over nodes of this process, or, with the state
// directory of a daemon as an argument, over that daemon, whose blocks are deleted after each case.
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { DstoreBlockstore } from '@dstore/blockstore'
import { connect, createNode } from '@dstore/dstore'

Object.assign(globalThis, { after, afterEach, before, beforeEach, describe, it })
const { interfaceBlockstoreTests } = await import('interface-blockstore-tests')

const [dir] = process.argv.slice(2)
const stores = new Map()

await describe('interface-blockstore', () => {
  interfaceBlockstoreTests({
    async setup() {
      const store = dir === undefined ? await createNode() : await connect({ dir })
      const blocks = new DstoreBlockstore(store)
      stores.set(blocks, store)
      return blocks
    },
    async teardown(blocks) {
      const store = stores.get(blocks)
      if (dir !== undefined) {
        const names = []
        for await (const { name } of store.names('mh/')) names.push(name)
        await Promise.all(names.map((name) => store.unbind(name)))
      }
      await store.close()
    },
  })
})
