/** Copies of stored values into files, and reads that threads verify (specs/007, R007-184). */
import { chmod, open, readFile, readdir, writeFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { test } from '../../../serial.ts'
import { DstoreError } from '../../../../src/errors.ts'
import { hash } from '../../../../src/hash/hasher.ts'
import { GROUP_BYTES, PIECE_BYTES } from '../../../../src/limits.ts'
import type { Node, RangeRequest } from '../../../../src/node/node.ts'
import { copyStored } from '../../../../src/node/calls/copies/copy-stored.ts'
import { CopyThreads } from '../../../../src/store/copy/copy-threads.ts'
import { eventually } from '../../../eventually.ts'
import { pattern } from '../../../hash/sizes.ts'
import { sameBytes } from '../../../same-bytes.ts'
import { Nodes, once } from '../../nodes.ts'

const SIZE = 5 * PIECE_BYTES + 17

interface Scene {
  readonly global: Node
  readonly key: Awaited<ReturnType<Node['put']>>['key']
  readonly bytes: Uint8Array
  readonly dir: string
}

async function scene(t: ExecutionContext): Promise<Scene> {
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  const global = await nodes.global({ dir, store: 'disk' })
  const bytes = pattern(SIZE)
  const { key } = await global.put({ bytes: once(bytes) })
  return { global, key, bytes, dir }
}

/** Copies the value to a new file; returns whether threads did, and what the file then has. */
const rewrite = async (): Promise<void> => undefined

async function copied(
  { global, key, dir }: Scene,
  range?: RangeRequest,
): Promise<{ is: boolean; bytes: Uint8Array; counted: number }> {
  const path = join(dir, `copy-${Math.random()}`)
  const file: FileHandle = await open(path, 'wx')
  let counted = 0
  const wrote = (count: number): void => void (counted += count)
  const target = { fd: file.fd, name: 'the copy', wrote, rewrite }
  try {
    const value = await global.get(key, range && { range })
    const is = (await value.copyTo?.(target)) ?? false
    return { is, bytes: await readFile(path), counted }
  } catch (error) {
    Object.assign(error as object, { written: await readFile(path) })
    throw error
  } finally {
    await file.close()
  }
}

/** Changes a byte of the only value on the disk. */
async function flip(dir: string, at: number): Promise<void> {
  const names = await readdir(dir, { recursive: true })
  const isValue = (name: string): boolean => /store-v\d\/values\/[^./]+$/.test(name)
  for (const name of names.filter(isValue)) {
    const path = join(dir, name)
    await chmod(path, 0o600)
    const file = await open(path, 'r+')
    const byte = new Uint8Array(1)
    const isThere = (await file.read(byte, 0, 1, at)).bytesRead === 1
    byte[0]! ^= 1
    if (isThere) await file.write(byte, 0, 1, at)
    await file.close()
  }
}

test('R007-184 threads copy a value, or any range of it, from its first byte on', async (t) => {
  const all = await scene(t)
  const ranges: (RangeRequest | undefined)[] = [
    undefined,
    { start: 0, end: PIECE_BYTES },
    { start: 1, end: SIZE - 1 },
    { start: PIECE_BYTES - 1, end: 3 * PIECE_BYTES + GROUP_BYTES + 1 },
    { last: PIECE_BYTES + 3 },
  ]
  for (const range of ranges) {
    const { start, end } = (await all.global.get(all.key, range && { range })).range
    const { is, bytes, counted } = await copied(all, range)
    t.true(is)
    t.is(counted, end - start)
    sameBytes(t, bytes, all.bytes.subarray(start, end))
  }
  // A small part is sooner sent than a thread is started.
  t.is((await all.global.get(all.key, { range: { start: 0, end: 9 } })).copyTo, undefined)
})

for (const at of [0, 2 * PIECE_BYTES + 5, SIZE - 1]) {
  test(`R007-184 a damaged byte at ${at} is integrity, is not written, and is set aside`, async (t) => {
    const all = await scene(t)
    await flip(all.dir, at)
    const error = await t.throwsAsync(copied(all), { code: 'integrity' } as never)
    const { written } = error as unknown as { written: Uint8Array }
    const group = at - (at % GROUP_BYTES)
    const found = written.subarray(group, group + GROUP_BYTES)
    t.true(
      found.every((byte) => byte === 0),
      'nothing of the damaged group',
    )
    t.is((await all.global.status()).store!.damaged, 1)
  })

  test(`R007-181 a damaged byte at ${at} ends a read behind what is whole`, async (t) => {
    const all = await scene(t)
    await flip(all.dir, at)
    let read = 0
    const reading = async (): Promise<void> => {
      for await (const piece of (await all.global.get(all.key)).bytes) {
        sameBytes(t, piece, all.bytes.subarray(read, read + piece.byteLength))
        read += piece.byteLength
      }
    }
    await t.throwsAsync(reading(), { code: 'integrity' } as never)
    t.is(read, at - (at % PIECE_BYTES))
  })
}

test('R007-181 threads verify a read from any place', async (t) => {
  const all = await scene(t)
  for (const start of [0, 1, GROUP_BYTES, PIECE_BYTES, PIECE_BYTES + 1]) {
    const parts: Uint8Array[] = []
    const { bytes } = await all.global.get(all.key, { range: { start } })
    for await (const piece of bytes) parts.push(Uint8Array.from(piece))
    sameBytes(t, Buffer.concat(parts), all.bytes.subarray(start))
  }
})

test('R007-184 a value that is released in the middle ends a copy, and its file is given back', async (t) => {
  const { bytes, dir } = await scene(t)
  const { digest, outboard } = hash(bytes)
  const source = join(dir, 'source')
  await writeFile(source, bytes)
  const file = await open(join(dir, 'target'), 'wx')
  const released = new AbortController()
  let isBack = false
  const lent = { path: source, signal: released.signal, giveBack: () => void (isBack = true) }
  const wrote = (): void => released.abort(new DstoreError('removed', 'it was removed'))
  const copying = copyStored({
    value: {
      size: SIZE,
      read: () => once(bytes),
      outboard: async ({ start, end }) => outboard.subarray(start, end),
    },
    digest,
    range: { start: 0, end: SIZE },
    lend: async () => lent,
    target: { fd: file.fd, name: 'it', wrote },
    signal: undefined,
  })
  await t.throwsAsync(copying, { code: 'removed' } as never)
  t.true(isBack)
  await file.close()
})

test('R007-184 a caller that leaves ends a copy, and the threads are free again', async (t) => {
  const all = await scene(t)
  for (let round = 0; round < 10; round++) {
    const aborter = new AbortController()
    const value = await all.global.get(all.key, { signal: aborter.signal })
    const file = await open(join(all.dir, `left-${round}`), 'wx')
    const target = { fd: file.fd, name: 'it', wrote: () => aborter.abort(), rewrite }
    await t.throwsAsync(value.copyTo!(target), { code: 'cancelled' } as never)
    await file.close()
  }
  t.true((await copied(all)).is)
})

test('R007-184 what the system refuses to write is the fault of the file, by its name', async (t) => {
  const all = await scene(t)
  const file = await open(join(all.dir, 'read-only'), 'wx+')
  await file.close()
  const readable = await open(join(all.dir, 'read-only'), 'r')
  const value = await all.global.get(all.key)
  const target = { fd: readable.fd, name: 'out.bin', wrote: () => undefined, rewrite }
  const message = /^cannot write to out\.bin/
  await t.throwsAsync(value.copyTo!(target), { code: 'unwritable', message } as never)
  await readable.close()
  t.is((await all.global.status()).store!.damaged, 0)
})

test('R007-184 beyond some copies at a time a value is written from its bytes', async (t) => {
  const all = await scene(t)
  const taken: CopyThreads[] = []
  for (let one = CopyThreads.take(); one !== undefined; one = CopyThreads.take()) taken.push(one)
  t.deepEqual(await copied(all), { is: false, bytes: Buffer.alloc(0), counted: 0 })
  for (const one of taken) await one.release()
  await eventually(async () => (await copied(all)).is)
})
