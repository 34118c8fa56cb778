/** Watches every change of the index in order, and resumes after a break. */
import { createNode } from '@dstore/dstore'

/**
 * Prints `count` changes after a position, waiting for them. Returns the last one's position.
 * @param {import('@dstore/dstore').Dstore} dstore
 * @param {string} after
 * @param {number} count
 */
async function print(dstore, after, count) {
  for await (const { type, size, names, position } of dstore.watch({ after })) {
    console.log(type, size ?? '', ...names)
    after = position
    if (--count === 0) break
  }
  return after
}

const dstore = await createNode()
const { position = '' } = await dstore.status()

const printing = print(dstore, position, 2)
const { key } = await dstore.put('one', { name: 'first' })
await dstore.put('number two')
const seen = await printing

// Changes while no program watches are not missed.
await dstore.remove(key, { force: true })
await dstore.put('three')
await print(dstore, seen, 2)
await dstore.close()

/* prints
put 3 first
put 10
remove  first
put 5
*/
