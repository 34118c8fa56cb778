/** A folder as one value: stored, listed, read in part, and written again somewhere else. */
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNode } from '@dstore/dstore'

const folder = await mkdtemp(join(tmpdir(), 'dstore-example-'))
await mkdir(join(folder, 'model/shards'), { recursive: true })
await writeFile(join(folder, 'model/config.json'), '{"layers": 2}\n')
await writeFile(join(folder, 'model/shards/1'), 'weights')

const dstore = await createNode()

const { key } = await dstore.putDirectory(join(folder, 'model'), { name: 'models/v1' })
console.log(key.toString())

for await (const entry of dstore.entries('models/v1')) console.log(entry.path, entry.type)

// One file of it, by its path.
const config = await dstore.openEntry('models/v1', 'config.json')
console.log((await config.text()).trim())

// The next version stores what differs, and shares the rest.
await writeFile(join(folder, 'model/config.json'), '{"layers": 3}\n')
await dstore.putDirectory(join(folder, 'model'), { name: 'models/v2' })

// Complete, or not there at all.
await dstore.getDirectory('models/v2', join(folder, 'copy'))
console.log(await readFile(join(folder, 'copy/shards/1'), 'utf8'))

await rm(folder, { recursive: true })
await dstore.close()

/* prints
bafyr4ic7svkijzltnpugt3n65xxcbvzbdquc433fc4f7tjlos5xacoitrm
config.json file
shards directory
{"layers": 2}
weights
*/
