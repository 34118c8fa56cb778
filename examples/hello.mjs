/** A node in this process: puts a value under a name and gets it back. */
import { createNode } from '@dstore/dstore'

// Without a directory, values stay in memory; with `{ dir: '/var/lib/app' }` they are on disk.
const dstore = await createNode()

const { key, existed } = await dstore.put('hello, world\n', { name: 'greeting' })
console.log(key.toString(), existed)

const value = await dstore.get('greeting')
console.log(value.size, await value.text())

// The key is the BLAKE3 of the bytes, so equal bytes are stored once.
console.log((await dstore.put(new TextEncoder().encode('hello, world\n'))).existed)
await dstore.close()

/* prints
bafkr4idchjkgbwcbw3i4cpiib2cvadqaip6uxjfixkobvknu63qneerhnq false
13 hello, world

true
*/
