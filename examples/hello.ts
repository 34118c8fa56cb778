/** A node in this process: put a value, get it back, by its key and by a name. */
import { createNode } from '@dstore/dstore'

// Without a directory everything is in memory; with `{ dir: '/var/lib/app' }` it is kept.
await using dstore = await createNode()

const { key, existed } = await dstore.put('hello, world\n', { name: 'greeting' })
console.log(key.toString(), existed)

const value = await dstore.get('greeting')
console.log(value.size, await value.text())

// The key is the BLAKE3 of the bytes, so the same bytes are stored once.
console.log((await dstore.put(new TextEncoder().encode('hello, world\n'))).existed)

/* prints
bafkr4idchjkgbwcbw3i4cpiib2cvadqaip6uxjfixkobvknu63qneerhnq false
13 hello, world

true
*/
