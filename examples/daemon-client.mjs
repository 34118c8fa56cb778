/** A client of the machine's daemon (`dstore start`): the same calls, one copy for all programs. */
import { connect } from '@dstore/dstore'

const dstore = await connect()

// Small values share messages: a thousand of them cost only a few round trips.
const stored = await dstore.putMany(Array.from({ length: 1000 }, (_, index) => `value ${index}`))
console.log('stored', stored.length)

const found = await dstore.hasMany([...stored.map(({ key }) => key), '0'.repeat(64)])
console.log('found', found.filter(Boolean).length, 'of', found.length)

await dstore.bind('values/first', stored[0].key)
for await (const { name, key } of dstore.names('values/')) console.log(name, key.toHex())
await dstore.close()

/* prints
stored 1000
found 1000 of 1001
values/first 205309818bda254b58b28671cccd12ab48907ae562a6ec5303976b067ab6d50d
*/
