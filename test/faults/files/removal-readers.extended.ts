/**
 * Promise 4 for values in files: readers by path, by socket and by a peer at once, while the value
 * is removed. Twenty times here, two hundred with `npm run test:faults`.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs'
import { readlinkSync } from 'node:fs'
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { Client } from '../../../src/daemon/client/client.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { MIB } from '../../../src/limits.ts'
import { network, type Daemon } from '../../e2e/nodes.ts'
import { openPath, Refused } from './opened-path.ts'
import { bytesBelow, putRandom } from './values.ts'

const ROUNDS = Number(process.env['DSTORE_REMOVALS'] ?? 20)
const SIZE = 2 * MIB
const LONGEST_WAIT_MS = 40
const PATH_READERS = 3
const SOCKET_READERS = 3
const PEER_READERS = 2

/** What readers of one value share. */
interface Race {
  readonly key: string
  readonly bytes: Buffer
  /** The removal was acknowledged. */
  isOver: boolean
  /** What must not be. */
  readonly wrong: string[]
  /** How many read the whole value. */
  reads: number
}

/** Reads again and again, and once more after the removal; `read` returns what it could read. */
async function reader(race: Race, how: string, read: () => Promise<Buffer>): Promise<void> {
  for (;;) {
    const isLate = race.isOver
    let got: Buffer | undefined
    try {
      got = await read()
      race.reads++
    } catch (error) {
      if (!isEnd(error)) race.wrong.push(`${how}: ${String(error)}`)
    }
    if (got !== undefined && isLate) race.wrong.push(`${how}: ${got.byteLength} bytes afterwards`)
    if (got !== undefined && !got.equals(race.bytes)) race.wrong.push(`${how}: other bytes`)
    if (isLate) return
  }
}

/** The value was removed, or its file went between the answer and the opening of it. */
function isEnd(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown }
  if (!(error instanceof DstoreError || error instanceof Refused)) return code === 'ENOENT'
  return code === 'removed' || code === 'not-found'
}

async function bySocket(client: Client, key: string): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of (await client.get(key)).bytes) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

async function byPath(node: Daemon, key: string): Promise<Buffer> {
  const { path, close } = await openPath(node, key)
  try {
    return readFileSync(path)
  } finally {
    close()
  }
}

/** Every reading takes the value from another machine. */
async function byPeer(client: Client, key: string): Promise<Buffer> {
  try {
    return await bySocket(client, key)
  } finally {
    await client.evict(key).catch((error: unknown) => {
      if (!isEnd(error)) throw error
    })
  }
}

/** Unlinked files that a process has open. */
function unlinkedOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  const links = readdirSync(folder).map((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`)
    } catch {
      return ''
    }
  })
  return links.filter((link) => link.endsWith(' (deleted)'))
}

test(`R003-142, R007-353: a removal among eight readers by path, socket and peer, ${ROUNDS} times: none that began afterwards gets a byte`, async (t) => {
  t.timeout(ROUNDS * 30_000)
  const { global, locals } = await network(t, 2, {
    local: ['--cache', '8MiB', '--cache-dir', 'files', '--cache-dir-size', '64MiB'],
  })
  const [local, peer] = [locals[0]!, locals[1]!]
  const clientOf = async ({ place }: Daemon): Promise<Client> => {
    const client = (await Client.connect(stateDirectory(place.state).socket))!
    t.teardown(() => client.close())
    return client
  }
  const [atLocal, atPeer] = [await clientOf(local), await clientOf(peer)]
  const remover = await clientOf(global)
  let reads = 0
  for (let round = 0; round < ROUNDS; round++) {
    const { key, bytes } = await putRandom(global, SIZE)
    const race: Race = { key, bytes, isOver: false, wrong: [], reads: 0 }
    const held = await openPath(local, key)
    const fd = openSync(held.path, 'r')
    const several = (count: number, how: string, read: () => Promise<Buffer>): Promise<void>[] =>
      Array.from({ length: count }, () => reader(race, how, read))
    const readers = [
      ...several(PATH_READERS, 'by path', () => byPath(local, key)),
      ...several(SOCKET_READERS, 'by socket', () => bySocket(atLocal, key)),
      ...several(PEER_READERS, 'by peer', () => byPeer(atPeer, key)),
    ]
    await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_WAIT_MS))
    const { owed } = await remover.remove(key)
    const isUnlinked = fstatSync(fd).nlink === 0
    race.isOver = true
    await Promise.all(readers)
    t.deepEqual(owed, [])
    t.deepEqual(race.wrong, [], `round ${round}`)
    t.true(isUnlinked, 'unlinked before it was acknowledged')
    // Whoever had it open keeps it, whole; nothing else does.
    const kept = Buffer.alloc(SIZE)
    t.is(readSync(fd, kept, 0, SIZE, 0), SIZE)
    t.true(kept.equals(bytes))
    closeSync(fd)
    await held.removed
    held.close()
    reads += race.reads
  }
  if (process.platform === 'linux') t.deepEqual(unlinkedOf(local.process.pid!), [])
  for (const node of [local, peer]) {
    const left = bytesBelow(node.place.file('files'))
    t.true(left < SIZE / 4, `${left} bytes of removed values are left`)
  }
  t.log(`${reads} reads, ${ROUNDS} removals`)
  t.true(reads > 2 * ROUNDS, 'the readers were at work')
})
