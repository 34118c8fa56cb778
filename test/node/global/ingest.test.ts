import { readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { once } from '../../../src/bytes.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { RESUMABLE_BYTES } from '../../../src/limits.ts'
import { receive } from '../../../src/node/global/ingest.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { pattern } from '../../hash/sizes.ts'
import { Nodes } from '../nodes.ts'

const VALUE = pattern(RESUMABLE_BYTES + 12_345)
const { digest, size, outboard } = hash(VALUE)
const KEPT = Math.floor(RESUMABLE_BYTES / 2)

async function* broken(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
  throw new Error('the stream broke')
}

for (const damage of [false, true]) {
  const outcome = damage ? 'is refused if its kept part is damaged' : 'is whole'
  test(`R005-44 a resumed upload is hashed from its first byte, and ${outcome}`, async (t) => {
    const directory = await new Nodes(t).folder()
    const store = await openDiskStore({ directory })
    t.teardown(() => store.close())
    const from = (start: number, bytes: AsyncIterable<Uint8Array>) =>
      receive(store, { digest, size, start }, bytes, () => outboard)
    await t.throwsAsync(from(0, broken(VALUE.subarray(0, KEPT))), { message: 'the stream broke' })
    const kept = await store.partialBytes(digest)
    t.is(kept, KEPT)
    if (damage) await flipByteOf(directory, KEPT)
    const resumed = from(kept, once(VALUE.subarray(kept)))
    if (damage) {
      await t.throwsAsync(resumed, { code: 'integrity' })
      t.is(await store.partialBytes(digest), 0, 'the next upload begins at the first byte')
      return
    }
    const { location } = await resumed
    t.truthy(location)
    t.deepEqual((await resumed).digest, digest)
  })
}

/** Damages the one file of this size. */
async function flipByteOf(directory: string, bytes: number): Promise<void> {
  const names = await readdir(directory, { recursive: true })
  for (const path of names.map((name) => join(directory, name))) {
    const facts = await stat(path)
    if (!facts.isFile() || facts.size !== bytes) continue
    const content = await readFile(path)
    content[1000]! ^= 1
    return writeFile(path, content)
  }
  throw new Error(`no file of ${bytes} bytes`)
}
