/** A Global and two Locals, here in one process for once: a value that one puts is at the other, until it is removed. */
import { createNode, DstoreError } from '@dstore/dstore'

await using global = await createNode({ role: 'global' })
// Whoever has it may become a member, twice within a day: to be handed over like a password.
const { ticket } = await global.invite({ role: 'admin', uses: 2 })

await using a = await createNode({ role: 'local', ticket })
await using b = await createNode({ role: 'local', ticket, cacheBytes: 64 << 20 })

const { key } = await a.put('from a to b')
console.log(await (await b.get(key)).text())
console.log('held by b:', (await b.stat(key))?.heldBytes, 'bytes')

// When it returns, no Local has it any more; one that could not be reached would be in `owed`.
const { acknowledged, owed } = await a.remove(key)
console.log('let go:', acknowledged.length, 'owed:', owed.length)

try {
  await b.get(key)
} catch (error) {
  if (!(error instanceof DstoreError) || error.code !== 'not-found') throw error
  console.log('gone')
}

/* prints
from a to b
held by b: 11 bytes
let go: 2 owed: 0
gone
*/
