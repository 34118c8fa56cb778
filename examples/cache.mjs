/** A cache that cleans up by itself, and a name that always leads to the newest version. */
import { connect } from '@dstore/dstore'

const dstore = await connect()

// Of the names below cache/, the two that were used last stay.
await dstore.setRule('cache/', { maxNames: 2 })
for (const text of ['first', 'second', 'third']) {
  await dstore.put(text, { name: `cache/${text}`, naming: { expiresMs: 86_400_000 } })
}
for await (const { prefix, maxNames } of dstore.rules())
  console.log(prefix, 'has at most', maxNames)

const { key } = await dstore.put('version 1', { name: 'app/latest', naming: { kind: 'tag' } })
await dstore.put('version 2', { name: 'app/latest', naming: { kind: 'tag' } })
console.log(await (await dstore.get('app/latest')).text())

// What the tag was moved from is kept for ten minutes: long enough to go back.
await dstore.tag('app/latest', key)
console.log(await (await dstore.get('app/latest')).text())
console.log('targets so far:', (await dstore.tagHistory('app/latest')).length)

await dstore.removeRule('cache/')
await dstore.close()

/* prints
cache/ has at most 2
version 2
version 1
targets so far: 3
*/
