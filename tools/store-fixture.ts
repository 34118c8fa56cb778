/**
 * Makes test/fixtures/store-v3: the state directory of a Global as this layout has it. `npm run
 * fixture` writes it once for each layout; later versions are tested against what earlier ones left
 * behind.
 */
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { gather, once } from '../src/bytes.ts'
import { hash } from '../src/hash/hasher.ts'
import { Key } from '../src/hash/key.ts'
import { GROUP_BYTES, MIB } from '../src/limits.ts'
import { SILENT } from '../src/log.ts'
import { parseTicket } from '../src/membership/ticket.ts'
import { receive } from '../src/node/global/ingest.ts'
import type { Node } from '../src/node/node.ts'
import { openNode } from '../src/node/open.ts'
import { openDiskStore } from '../src/store/disk/disk.ts'
import type { RecordKey } from '../src/store/store.ts'

/** Byte i of every value is i mod 251: values differ only in length. */
export function valueOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => i % 251)
}

export const keyOf = (size: number): Key => new Key(hash(valueOf(size)).digest)

/** Values that exist, by length, with the names that they have. */
export const VALUES: readonly { readonly size: number; readonly names: readonly string[] }[] = [
  { size: 0, names: [] },
  { size: 100, names: ['releases/1.0', 'releases/stable'] },
  { size: 1000, names: ['from/local'] },
  // One whole group, in a record; then the smallest files of one group and of two.
  { size: GROUP_BYTES, names: [] },
  { size: GROUP_BYTES + 1, names: ['data/two groups'] },
  { size: 40_000, names: ['data/file', 'second run/é'] },
  { size: 20_000, names: ['data/replaced'] },
]

/** It exists, but its file decayed and was set aside. */
export const DAMAGED_BYTES = 20_001

/** Values that were removed: one from a record, one from a file, one with its last name. */
export const REMOVED_SIZES: readonly number[] = [101, 30_000, 102]

export const MEMBER = '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'
export const EXPELLED = '12D3KooWKfcQUMTYeZhjJgAoMa1Qqu4ZHVKvVWunmBuWGMzzLvaZ'

/** Uses of the ticket, one of which a Local took. */
export const TICKET_USES = 3

/** An upload of which Global has three whole groups and some bytes. */
export const PARTIAL_BYTES: number = MIB + 100
export const PARTIAL_RECEIVED_BYTES: number = 3 * GROUP_BYTES + 1000

async function* failing(): AsyncGenerator<Uint8Array> {
  yield valueOf(PARTIAL_BYTES).subarray(0, PARTIAL_RECEIVED_BYTES)
  throw new Error('the connection broke')
}

const put = (node: Node, size: number, name?: string): Promise<unknown> =>
  node.put({ bytes: once(valueOf(size)), size }, name === undefined ? {} : { name })

async function openGlobal(dir: string): Promise<Node> {
  return openNode({ role: 'global', store: 'disk', dir, cacheBytes: MIB, log: SILENT })
}

async function firstRun(dir: string): Promise<void> {
  const global = await openGlobal(dir)
  for (const { size, names } of VALUES) {
    if (names[0] === 'from/local') continue
    await put(global, size, names[0])
  }
  await put(global, DAMAGED_BYTES)
  await global.index.bind('releases/stable', keyOf(100))
  await global.index.bind('old', keyOf(0))
  await global.index.unbind('old', { keepValue: true })
  const [inRecord, inFile, withName] = REMOVED_SIZES as [number, number, number]
  for (const size of [inRecord, inFile]) {
    await put(global, size)
    await global.index.remove(keyOf(size))
  }
  await put(global, withName, 'temporary')
  await global.index.unbind('temporary')
  await global.members.admit(MEMBER, 'reader')
  await global.members.admit(EXPELLED, 'writer')
  await global.members.expel(EXPELLED)
  const { ticket } = await global.members.invite({ role: 'writer', uses: TICKET_USES })
  const local = await openNode({
    role: 'local',
    store: 'memory',
    ticket: parseTicket(ticket),
    cacheBytes: MIB,
    log: SILENT,
  })
  await put(local, 1000, 'from/local')
  // Global goes first, so that the Local stays in its register.
  await global.close()
  await local.close()
}

/** Two files decay; the next reads notice, and one of the values is put again. */
async function secondRun(dir: string): Promise<void> {
  const values = join(dir, 'store-v3', 'values')
  for (const name of await readdir(values)) {
    const path = join(values, name)
    const bytes = await readFile(path)
    if (![20_000, DAMAGED_BYTES].some((size) => bytes.length === size)) continue
    bytes[5000]! ^= 1
    await chmod(path, 0o600)
    await writeFile(path, bytes)
    await chmod(path, 0o400)
  }
  const global = await openGlobal(dir)
  for (const size of [20_000, DAMAGED_BYTES]) {
    const { bytes } = await global.get(keyOf(size))
    await gather(bytes).then(
      () => Promise.reject(new Error(`${size} bytes: the damage was not noticed`)),
      () => undefined,
    )
  }
  await put(global, 20_000)
  await global.index.bind('second run/é', keyOf(40_000))
  await global.close()
}

/** A row that only the journal has: the fixture is what a process that was killed left. */
export const UNFLUSHED: RecordKey = { table: 'meta', id: new TextEncoder().encode('unflushed') }

/** Breaks an upload off, and copies the directory before LMDB has what came last. */
async function breakOff(dir: string, copy: string): Promise<void> {
  const store = await openDiskStore({ directory: dir }, { after: () => () => undefined })
  const { digest } = hash(valueOf(PARTIAL_BYTES))
  const value = { digest, size: PARTIAL_BYTES, start: 0 }
  await receive(store, value, failing(), () => new Uint8Array(0)).catch(() => undefined)
  const writes = [{ key: UNFLUSHED, value: valueOf(100) }]
  await store.commit({ conditions: [], writes, entry: undefined })
  await cp(dir, copy, { recursive: true })
  await store.close()
}

/** Every file of the state directory, compressed: most of a database is empty. */
export async function writeFixture(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'dstore-fixture-'))
  const copy = join(dir, '..', `${basename(dir)}-copy`)
  const fixture = 'test/fixtures/store-v3'
  try {
    await firstRun(dir)
    await secondRun(dir)
    await breakOff(dir, copy)
    await rm(fixture, { recursive: true, force: true })
    for (const entry of await readdir(copy, { recursive: true, withFileTypes: true })) {
      // LMDB creates its lock file at each opening.
      if (!entry.isFile() || entry.name === 'lock.mdb') continue
      const path = join(entry.parentPath, entry.name)
      const to = join(fixture, `${path.slice(copy.length)}.gz`)
      await mkdir(dirname(to), { recursive: true })
      await writeFile(to, gzipSync(await readFile(path), { level: 9 }))
    }
  } finally {
    for (const one of [dir, copy]) await rm(one, { recursive: true, force: true })
  }
}
