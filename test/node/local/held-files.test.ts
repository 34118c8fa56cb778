/** Files that a Local hands out, and when it takes them back (specs/004, "Files of a Local"). */
import { chmodSync, existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { concat } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import { MIB } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { CacheBudget } from '../../../src/node/cache/cache-budget.ts'
import { CachedFile } from '../../../src/node/files/cached-file.ts'
import { openFiles } from '../../../src/node/tiers/open-files.ts'
import { fetchPieces } from '../../../src/transfer/fetch.ts'
import { pattern } from '../../hash/sizes.ts'
import { sameBytes } from '../../same-bytes.ts'
import { test } from '../../serial.ts'
import { sample, type Sample } from '../../transfer/ends.ts'
import { Nodes, read } from '../nodes.ts'
import { FakeLocal } from './fake-local.ts'

const VALUE = sample(pattern(MIB + 77))

async function fake(
  t: ExecutionContext,
  {
    value = VALUE,
    cacheBytes = 8 * MIB,
    budgetBytes = 8 * MIB,
  }: { value?: Sample; cacheBytes?: number; budgetBytes?: number } = {},
): Promise<FakeLocal> {
  const files = await openFiles({
    peerId: '12D3KooWAAAABBBBCCCCDDDDEEEEFFFF',
    cacheDir: join(await new Nodes(t).folder(), 'cache'),
    cacheDirBytes: budgetBytes,
    budget: new CacheBudget(MIB),
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    onEvicted: () => undefined,
    log: SILENT,
  })
  const local = new FakeLocal(value, cacheBytes, files)
  t.teardown(() => local.local.close())
  return local
}

test('R004-172: at the end of the lease no path leads to a file, and holds end', async (t) => {
  const all = await fake(t)
  const { path, removed, ...held } = await all.local.holdFile(all.key)
  sameBytes(t, await readFile(path), VALUE.bytes)
  t.is(statSync(path).mode & 0o777, 0o400)
  all.held!.cut(new DstoreError('unreachable', 'the lease is over'))
  t.false(existsSync(path))
  t.is((removed.reason as DstoreError).code, 'unreachable')
  held.release()
  const again = await all.local.holdFile(all.key)
  t.not(again.path, path)
  sameBytes(t, await readFile(again.path), VALUE.bytes)
  t.true(all.host.sentBytes < 2 * VALUE.size, 'it was fetched once')
  again.release()
})

test('R004-171: a removal takes a held file from its path before it is acknowledged', async (t) => {
  const all = await fake(t)
  const { path, removed } = await all.local.holdFile(all.key)
  all.remove(5)
  // Applying is synchronous, and the acknowledgement follows it.
  t.false(existsSync(path))
  t.is((removed.reason as DstoreError).code, 'removed')
})

test('R004-171: where a file cannot be deleted, its folder is moved before the acknowledgement', async (t) => {
  const all = await fake(t)
  const { path, removed } = await all.local.holdFile(all.key)
  // Another process puts a folder in its place, which `unlink` refuses.
  renameSync(path, `${path}.mine`)
  mkdirSync(path)
  all.remove(5)
  t.false(existsSync(path))
  t.false(existsSync(`${path}.mine`))
  t.is((removed.reason as DstoreError).code, 'removed')
  await t.throwsAsync(read(all.local, all.key), { code: 'not-found' } as never)
})

test('R004-172: a node that stops takes every file from its path before its goodbye', async (t) => {
  const all = await fake(t)
  const { path } = await all.local.holdFile(all.key)
  let wasThere = true
  all.onClose = () => void (wasThere = existsSync(path))
  await all.local.close()
  t.false(wasThere)
})

test('R003-164: a file takes the place of what memory holds, which is not fetched again', async (t) => {
  const all = await fake(t)
  await read(all.local, all.key)
  t.true((await all.local.status()).cache!.usedBytes > MIB)
  const { path, size } = await all.local.holdFile(all.key)
  sameBytes(t, await readFile(path), VALUE.bytes)
  t.is(size, VALUE.size)
  const { usedBytes, files } = (await all.local.status()).cache!
  t.deepEqual([usedBytes, files!.heldBytes], [0, VALUE.size])
  t.true(all.host.sentBytes < 2 * VALUE.size, 'it was fetched once')
})

test('R003-160: a held file that came with the answer is whole, also an empty one', async (t) => {
  for (const bytes of [pattern(100), pattern(0)]) {
    const value = sample(bytes)
    const all = await fake(t, { value })
    all.state({ size: value.size, value: bytes }, value)
    const { path } = await all.local.holdFile(all.key)
    sameBytes(t, await readFile(path), bytes)
    t.is(all.host.sentBytes, 0, 'nothing else was fetched')
  }
})

test('R003-160: a file that has no room is no-space, and without files it is unsupported', async (t) => {
  const all = await fake(t, { value: sample(pattern(9 * MIB)) })
  await t.throwsAsync(all.local.holdFile(all.key), { code: 'no-space' } as never)
  const none = new FakeLocal(VALUE, MIB, { none: '--cache-dir is none' })
  t.teardown(() => none.local.close())
  const unsupported = { code: 'unsupported', message: /--cache-dir is none/ } as never
  await t.throwsAsync(none.local.holdFile(none.key), unsupported)
})

test('R003-166: a void file is not handed out before Global has confirmed it', async (t) => {
  const all = await fake(t)
  const first = await all.local.holdFile(all.key)
  first.release()
  all.held!.reset()
  all.facts.clear()
  await t.throwsAsync(all.local.holdFile(all.key), { code: 'not-found' } as never)
  all.state({ size: VALUE.size, incarnation: 3 })
  all.held!.verified(all.key.digest, 3)
  const asked = all.asked.length
  const second = await all.local.holdFile(all.key)
  t.is(all.asked.length, asked)
  second.release()
})

test('R003-166: a value that becomes void while it is fetched is asked for once more', async (t) => {
  const all = await fake(t)
  let resets = 0
  all.host.onRead = () => {
    if (resets++ === 0) all.held!.reset()
  }
  const held = await all.local.holdFile(all.key)
  t.is(all.asked.filter(({ type }) => type === 'locate').length, 2)
  held.release()
})

test('R003-161: a peer gets what a file holds, and not-found in place of what was changed', async (t) => {
  const all = await fake(t)
  const { path, ...held } = await all.local.holdFile(all.key)
  held.release()
  const transfer = await all.opened(t)
  const { digest, size } = VALUE
  const ask = async (): Promise<Uint8Array> => {
    const parts: Uint8Array[] = []
    const ranges = [{ start: 0, end: size }]
    for await (const { bytes } of fetchPieces(transfer, { digest, size, ranges })) {
      parts.push(new Uint8Array(bytes))
    }
    return concat(parts)
  }
  sameBytes(t, await ask(), VALUE.bytes)
  chmodSync(path, 0o600)
  writeFileSync(path, pattern(size).fill(1, MIB / 2, MIB / 2 + 1))
  await t.throwsAsync(ask, { code: 'not-found' } as never)
  t.false(existsSync(path))
})

test('R004-172: no path is handed out where the lease ended while its file was verified', async (t) => {
  const all = await fake(t)
  const first = await all.local.holdFile(all.key)
  first.release()
  all.onCheck = () => {
    all.isLeaseOver = true
  }
  await t.throwsAsync(all.local.holdFile(all.key), { code: 'unreachable' } as never)
})

test('R003-161: a disk that damages every file ends no read, and none goes on without end', async (t) => {
  const all = await fake(t, { cacheBytes: MIB / 2 })
  // oxlint-disable-next-line typescript/unbound-method -- called with `this` below
  const { readData } = CachedFile.prototype
  CachedFile.prototype.readData = async function damaging(into, position) {
    const count = await readData.call(this, into, position)
    into[0]! ^= 1
    return count
  }
  try {
    sameBytes(t, await read(all.local, all.key), VALUE.bytes)
  } finally {
    CachedFile.prototype.readData = readData
  }
  t.true(all.host.sentBytes < 4 * VALUE.size)
})

test('R003-162: a copy whose file gets another path meanwhile is whole, and drops no file', async (t) => {
  const value = sample(pattern(12 * MIB))
  const all = await fake(t, { value, budgetBytes: 32 * MIB })
  ;(await all.local.holdFile(all.key)).release()
  const sentBytes = all.host.sentBytes
  const name = join(await new Nodes(t).folder(), 'copy')
  const file = await open(name, 'w+')
  let isReset = false
  const target = {
    fd: file.fd,
    name,
    wrote: () => {
      // A reset moves the folder: Global confirms the value again.
      if (!isReset) all.held!.reset()
      isReset = true
    },
    rewrite: async (bytes: Uint8Array, at: number) =>
      void (await file.write(bytes, 0, bytes.byteLength, at)),
  }
  t.true(await (await all.local.get(all.key)).copyTo!(target))
  await file.close()
  sameBytes(t, await readFile(name), value.bytes)
  t.true(isReset)
  t.is(all.host.sentBytes, sentBytes, 'nothing is fetched again')
})
