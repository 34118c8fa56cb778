/** Every change of the index, in order and as it happens; after a break, from where one was. */
import { createNode } from '@dstore/dstore'
import type { Dstore } from '@dstore/dstore'

/** Tell of `count` changes after a position, waiting for those to come; the position of the last. */
async function tell(dstore: Dstore, after: string, count: number): Promise<string> {
  for await (const { type, size, names, position } of dstore.watch({ after })) {
    console.log(type, size ?? '', ...names)
    after = position
    if (--count === 0) break
  }
  return after
}

await using dstore = await createNode()
const { position = '' } = await dstore.status()

const telling = tell(dstore, position, 2)
const { key } = await dstore.put('one', { name: 'first' })
await dstore.put('number two')
const seen = await telling

// Nobody watches now; nothing is missed.
await dstore.remove(key, { force: true })
await dstore.put('three')
await tell(dstore, seen, 2)

/* prints
put 3 first
put 10
remove  first
put 5
*/
