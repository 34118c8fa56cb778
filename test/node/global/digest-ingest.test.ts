/** Values that arrive under a name that spells a digest (specs/004-index.md, R004-165). */
import { createHash } from 'node:crypto'
import { test } from '../../serial.ts'
import { once } from '../../../src/bytes.ts'
import { digestName } from '../../../src/hash/foreign-digest.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { RESUMABLE_BYTES } from '../../../src/limits.ts'
import { Ingest, receive, type Staged } from '../../../src/node/global/ingest.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'
import { pattern } from '../../hash/sizes.ts'
import { Nodes } from '../nodes.ts'

const nameOf = (bytes: Uint8Array): string =>
  digestName('sha2-256', createHash('sha256').update(bytes).digest())

const VALUE = pattern(RESUMABLE_BYTES + 12_345)
const { digest, size, outboard } = hash(VALUE)
const NAME = nameOf(VALUE)
const OTHER = nameOf(pattern(3))
const KEPT = Math.floor(RESUMABLE_BYTES / 2)

async function* broken(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
  throw new Error('the stream broke')
}

test('R004-165: an upload is verified as it comes, also one that is resumed', async (t) => {
  const directory = await new Nodes(t).folder()
  const store = await openDiskStore({ directory })
  t.teardown(() => store.close())
  const from = (start: number, name: string, bytes: AsyncIterable<Uint8Array>) =>
    receive(store, { digest, size, start, name }, bytes, () => outboard)
  for (const name of [OTHER, NAME]) {
    await t.throwsAsync(from(0, name, broken(VALUE.subarray(0, KEPT))), { message: /broke/ })
    const resumed = from(KEPT, name, once(VALUE.subarray(KEPT)))
    if (name === OTHER) await t.throwsAsync(resumed, { code: 'usage', message: /sha2-256/ })
    else t.is((await resumed).verifiedAs, NAME)
  }
  await t.throwsAsync(from(0, OTHER, once(VALUE)), { code: 'usage', message: /sha2-256/ })
  t.is((await from(0, 'plain', once(VALUE))).verifiedAs, undefined)
})

test('R004-165: a stream that comes in parts is verified, if all of them have the name', async (t) => {
  const store = createMemoryStore()
  const value = VALUE.subarray(0, 1000)
  const name = nameOf(value)
  const parts = [value.subarray(0, 400), value.subarray(400)] as const
  const stored = async (first: string | undefined, second: string | undefined) => {
    const ingest = await Ingest.begin(store, undefined)
    await ingest.add(once(parts[0]), { name: first })
    await ingest.add(once(parts[1]), { name: second })
    return (await ingest.finish()) as Staged
  }
  t.is((await stored(name, name)).verifiedAs, name)
  await t.throwsAsync(stored(OTHER, OTHER), { code: 'usage', message: /sha2-256/ })
  // The index reads what was not hashed from its start.
  t.is((await stored(undefined, name)).verifiedAs, undefined)
  t.is((await stored(OTHER, name)).verifiedAs, undefined)
  t.is((await stored('plain', 'plain')).verifiedAs, undefined)
})
