/** A Global and two Locals, here in one process. One puts a value, the other gets it. */
import { createNode, DstoreError } from '@dstore/dstore'

const global = await createNode({ role: 'global' })
// A ticket admits members, here two within a day: treat it like a password.
const { ticket } = await global.invite({ role: 'admin', uses: 2 })

const a = await createNode({ role: 'local', ticket })
const b = await createNode({ role: 'local', ticket, cacheBytes: 64 << 20 })

const { key } = await a.put('from a to b')
console.log(await (await b.get(key)).text())
console.log('held by b:', (await b.stat(key))?.heldBytes, 'bytes')

// When it returns, no Local holds the value; `owed` would name a Local that is out of reach.
const { acknowledged, owed } = await a.remove(key)
console.log('acknowledged:', acknowledged.length, 'owed:', owed.length)

try {
  await b.get(key)
} catch (error) {
  if (!(error instanceof DstoreError) || error.code !== 'not-found') throw error
  console.log('gone')
}
await b.close()
await a.close()
await global.close()

/* prints
from a to b
held by b: 11 bytes
acknowledged: 2 owed: 0
gone
*/
