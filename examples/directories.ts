/** A folder as a value: stored, listed, read by path, and written somewhere else. */
import { mkdtemp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNode } from '@dstore/dstore'

const folder = await mkdtemp(join(tmpdir(), 'dstore-example-'))
await mkdir(join(folder, 'model', 'shards'), { recursive: true })
await writeFile(join(folder, 'model', 'config.json'), '{"layers":2}\n')
await writeFile(join(folder, 'model', 'shards', '1.bin'), 'weights')

await using dstore = await createNode()

const { key, files, size } = await dstore.putDirectory(join(folder, 'model'), { name: 'm/v1' })
console.log(key.toString(), files, size)

for await (const { type, path } of dstore.entries('m/v1', { recursive: true })) {
  console.log(type, path)
}

// Only this file is fetched.
console.log(await (await dstore.openEntry('m/v1', 'config.json')).text())

// The next version shares what did not change: only the new file is sent.
await writeFile(join(folder, 'model', 'shards', '2.bin'), 'more weights')
const second = await dstore.putDirectory(join(folder, 'model'), { name: 'm/v2' })
const written = await dstore.getDirectory(second.key, join(folder, 'copy'))
console.log(written.files, await readdir(join(folder, 'copy', 'shards')))

await rm(folder, { recursive: true })

/* prints
bafyr4ihyxucstmhkb63l53ifmvhh7hcygpnxpl5afnkfs3npt5uabeazw4 2 20
file config.json
directory shards
file shards/1.bin
{"layers":2}

3 [ '1.bin', '2.bin' ]
*/
