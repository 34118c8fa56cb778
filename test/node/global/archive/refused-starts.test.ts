import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { ExecutionContext } from 'ava'
import { restore } from '../../../../src/archive/restore.ts'
import { daemonArchive } from '../../../../src/daemon/config/archive/daemon-archive.ts'
import { stateDirectory } from '../../../../src/daemon/config/state-directory.ts'
import { SILENT } from '../../../../src/log.ts'
import { MIB } from '../../../../src/limits.ts'
import type { ServedNode } from '../../../../src/node/node.ts'
import { openNode } from '../../../../src/node/open.ts'
import { MemoryBucket } from '../../../bucket/memory-objects.ts'
import { temporaryDirectory } from '../../../daemon/serving.ts'
import { eventually } from '../../../eventually.ts'
import { test } from '../../../serial.ts'
import { copyNow } from '../../../store/disk/copy.ts'

interface Start {
  readonly dir: string
  readonly bucket?: MemoryBucket
  readonly role?: 'global' | 'standalone'
  readonly takeOver?: boolean
  readonly key?: string
}

/** As a daemon starts its node, over a bucket in memory; without one, without an archive. */
async function start({
  dir,
  bucket,
  role = 'global',
  takeOver = false,
  key,
}: Start): Promise<ServedNode> {
  const settings = {
    role,
    ...(bucket && { archive: 's3://memory/' }),
    ...(key !== undefined && { archiveKey: key }),
  }
  const directory = stateDirectory(dir)
  const archive = daemonArchive({ directory, settings, given: settings, takeOver, log: SILENT })
  const options = archive.options && {
    ...archive.options,
    open: () => Promise.resolve(bucket!.client()),
  }
  const common = { dir, role, store: 'disk', cacheBytes: MIB, lanes: false, log: SILENT } as const
  const node = await openNode({ ...common, ...(options && { archive: options }) })
  await archive.settle(node.kept)
  return node
}

async function put(node: ServedNode, text: string): Promise<void> {
  await node.put({ bytes: Readable.from([Buffer.from(text)]) })
}

const isRestorable = (bucket: MemoryBucket): boolean =>
  bucket.keys('s/').some((key) => key.endsWith('.json'))

/** Names and bytes of all files below a directory, and the names of its directories. */
function treeOf(path: string): ReadonlyMap<string, string> {
  const names = existsSync(path) ? readdirSync(path, { recursive: true, withFileTypes: true }) : []
  const entries = names.map((one) => {
    const at = join(one.parentPath, one.name)
    return [at, one.isDirectory() ? '' : readFileSync(at).toString('base64')] as const
  })
  return new Map(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

const objectsOf = (bucket: MemoryBucket): ReadonlyMap<string, string> =>
  new Map(bucket.keys().map((key) => [key, Buffer.from(bucket.objects.get(key)!).toString('hex')]))

function copyOf(bucket: MemoryBucket): MemoryBucket {
  const copy = new MemoryBucket()
  for (const [key, bytes] of bucket.objects) copy.objects.set(key, Uint8Array.from(bytes))
  return copy
}

interface Archived {
  readonly bucket: MemoryBucket
  readonly dir: string
  readonly key: string
  readonly file: (name: string, text: string, mode?: number) => string
}

/** A Global that has stopped in order, with its archive. */
async function archived(t: ExecutionContext): Promise<Archived> {
  const bucket = new MemoryBucket()
  const dir = temporaryDirectory(t)
  const keys = temporaryDirectory(t)
  const key = join(keys, 'archive.key')
  const node = await start({ dir, bucket, key })
  await put(node, 'one')
  await eventually(() => isRestorable(bucket))
  await put(node, 'two')
  await node.close()
  const file = (name: string, text: string, mode = 0o600): string => {
    writeFileSync(join(keys, name), text, { mode })
    return join(keys, name)
  }
  return { bucket, dir, key, file }
}

/** A store without an archive, of another set. */
async function plainStore(dir: string): Promise<void> {
  const node = await start({ dir, role: 'standalone' })
  await put(node, 'other')
  await node.close()
}

interface Refusal extends Omit<Start, 'dir' | 'bucket'> {
  readonly what: string
  readonly code: string
  /** What the archive is made into. */
  readonly archive?: (bucket: MemoryBucket) => void
  readonly directory?: (dir: string) => Promise<void> | void
}

function flip(bucket: MemoryBucket, isIt: (key: string) => boolean): void {
  for (const key of bucket.keys().filter(isIt)) {
    const bytes = bucket.objects.get(key)!
    bytes[Math.floor(bytes.byteLength / 2)]! ^= 1
  }
}

const isRecords = (key: string): boolean => key.startsWith('s/') && !key.endsWith('.json')
const empty = (bucket: MemoryBucket): void => bucket.objects.clear()

function refusals({ key, file }: Archived): Refusal[] {
  const text = readFileSync(key, 'utf8')
  const takeOver = true
  const wrong = file('wrong.key', `dstore_archive_key_${'0'.repeat(64)}\n`)
  const other = { directory: plainStore, takeOver, key }
  return [
    { what: 'an archive with entries, at a Global', code: 'integrity', key },
    { what: 'an archive with entries', code: 'integrity', role: 'standalone' },
    { what: 'no key file', code: 'usage', takeOver },
    { what: 'a missing key file', code: 'unreadable', takeOver, key: `${key}.none` },
    { what: 'a wrong key', code: 'unreadable', takeOver, key: wrong },
    { what: 'a cut key', code: 'unreadable', takeOver, key: file('cut.key', text.slice(0, 40)) },
    { what: 'a loose key', code: 'not-permitted', takeOver, key: file('a.key', text, 0o644) },
    {
      what: 'an identity of another node',
      code: 'conflict',
      directory: async (dir) =>
        (await start({ dir }))
          .close()
          .then(() => rmSync(join(dir, 'store-v3'), { recursive: true })),
      takeOver,
      key,
    },
    { what: 'no archive', code: 'not-found', archive: empty, takeOver, key },
    {
      what: 'no snapshot',
      code: 'not-found',
      archive: (bucket) => bucket.keys('s/').forEach((one) => bucket.objects.delete(one)),
      takeOver,
      key,
    },
    {
      what: 'damaged records',
      code: 'integrity',
      archive: (bucket) => flip(bucket, isRecords),
      takeOver,
      key,
    },
    {
      what: 'a damaged journal',
      code: 'integrity',
      archive: (bucket) => flip(bucket, (one) => one === bucket.keys('j/').at(-1)),
      takeOver,
      key,
    },
    {
      what: 'no conditions, at a take-over',
      code: 'incompatible',
      archive: (bucket) => void (bucket.ignoresConditions = true),
      takeOver,
      key,
    },
    { what: 'another store, at a take-over', code: 'incompatible', ...other },
    { what: 'another store', code: 'incompatible', ...other, takeOver: false },
    { what: 'another store, with a wrong key', code: 'incompatible', ...other, key: wrong },
    {
      what: 'a set of a later version',
      code: 'incompatible',
      archive: (bucket) => void bucket.objects.set('set.json', Buffer.from('{"format":2,"id":""}')),
      directory: plainStore,
      key,
    },
    {
      what: 'no conditions',
      code: 'incompatible',
      archive: (bucket) => {
        empty(bucket)
        bucket.ignoresConditions = true
      },
      directory: plainStore,
      key,
    },
    {
      what: 'a new archive, and no key file',
      code: 'usage',
      archive: empty,
      directory: plainStore,
    },
    {
      what: 'a new archive, and no folder for the key file',
      code: 'unwritable',
      archive: empty,
      key: join(`${key}.none`, 'x.key'),
    },
    {
      what: 'a bucket that is away',
      code: 'unreachable',
      archive: (bucket) => void (bucket.onRequest = () => 'lost'),
      takeOver,
      key,
    },
  ]
}

test('R011-91 a start that is refused changes nothing, neither in the directory nor in the bucket', async (t) => {
  const made = await archived(t)
  for (const { what, code, archive, directory, ...given } of refusals(made)) {
    const dir = temporaryDirectory(t)
    await directory?.(dir)
    const bucket = copyOf(made.bucket)
    archive?.(bucket)
    const [tree, objects] = [treeOf(dir), objectsOf(bucket)]
    await t.throwsAsync(start({ dir, bucket, ...given }), { code }, what)
    t.deepEqual([...treeOf(dir).keys()], [...tree.keys()], what)
    t.deepEqual(treeOf(dir), tree, what)
    t.deepEqual(objectsOf(bucket), objects, what)
    t.is(bucket.uploads.size, 0, what)
  }
})

test('R011-91 after a refusal the directory takes what it would have taken before', async (t) => {
  const { bucket, dir: old, key } = await archived(t)
  const dir = temporaryDirectory(t)
  // Forgot --take-over, then not.
  await t.throwsAsync(start({ dir, bucket, key }), {
    code: 'integrity',
    message: /here is no store/,
  })
  await t.throwsAsync(start({ dir, bucket: new MemoryBucket(), key, takeOver: true }), {
    code: 'not-found',
  })
  const next = await start({ dir, bucket, key, takeOver: true })
  await next.close()
  // The old one has parted, and has nothing that the other lacks.
  const tree = treeOf(old)
  const fault = { code: 'integrity', message: /: only this store has 0 entries,/ }
  await t.throwsAsync(start({ dir: old, bucket, key }), fault)
  t.deepEqual(treeOf(old), tree)
  // A store of another set is as it was.
  const plain = temporaryDirectory(t)
  await plainStore(plain)
  await t.throwsAsync(start({ dir: plain, bucket, key, takeOver: true }), { code: 'incompatible' })
  await plainStore(plain)
})

test('R011-51 a start over a place that was emptied is refused, each time, and changes nothing', async (t) => {
  const { bucket, dir, key } = await archived(t)
  const whole = copyOf(bucket)
  empty(bucket)
  const tree = treeOf(dir)
  const fault = { code: 'integrity', message: /no longer in s3:/ }
  for (const takeOver of [false, false, true]) {
    await t.throwsAsync(start({ dir, bucket, key, takeOver }), fault)
    t.deepEqual(treeOf(dir), tree)
    t.deepEqual(bucket.keys(), [])
    t.is(bucket.uploads.size, 0)
  }
  await (await start({ dir, bucket: whole, key })).close()
})

test('R011-92 a start that fails while its archive begins leaves no note, and can be repeated', async (t) => {
  for (const what of ['set.json', 'identity']) {
    const dir = temporaryDirectory(t)
    await plainStore(dir)
    const bucket = new MemoryBucket()
    const key = join(temporaryDirectory(t), 'archive.key')
    bucket.onRequest = ({ verb, key: name }) => (verb === 'put' && name === what ? 'lost' : 'whole')
    await t.throwsAsync(start({ dir, bucket, key }), { code: 'unreachable' }, what)
    t.false(existsSync(join(dir, 'archive.json')))
    t.deepEqual(bucket.keys('j/'), [])
    await plainStore(dir)
    bucket.onRequest = () => 'whole'
    await (await start({ dir, bucket, key })).close()
    t.true(existsSync(join(dir, 'archive.json')))
  }
})

test('R011-92 a take-over that is killed at any step can be repeated', async (t) => {
  const { bucket, key } = await archived(t)
  const dir = temporaryDirectory(t)
  const killed: { dir: string; bucket: MemoryBucket }[] = []
  const kill = ({ verb, key: name }: { verb: string; key: string }): void => {
    if (verb !== 'put' || name.startsWith('race/')) return
    const copy = temporaryDirectory(t)
    copyNow(dir, copy)
    killed.push({ dir: copy, bucket: copyOf(bucket) })
  }
  bucket.onRequest = kill
  bucket.onAnswer = kill
  const node = await start({ dir, bucket, key, takeOver: true })
  bucket.onRequest = () => 'whole'
  bucket.onAnswer = () => undefined
  await node.close()
  // Before and after the fence; then the store is there, and goes on as any other.
  for (const [at, one] of killed.slice(0, 2).entries()) {
    t.is(
      (JSON.parse(readFileSync(join(one.dir, 'archive.json'), 'utf8')) as { restoring?: boolean })
        .restoring,
      true,
    )
    t.false(existsSync(join(one.dir, 'store-v3')))
    t.true(existsSync(join(one.dir, 'store-v3.restoring')))
    const objects = one.bucket.client()
    const clock = { elapsed: () => performance.now(), log: SILENT }
    const { saidFarewell } = await restore({ objects, directory: one.dir, ...clock })
    t.is(saidFarewell, at === 0)
    t.deepEqual(readdirSync(one.dir).toSorted(), ['archive.json', 'store-v3'])
  }
  const [, , third] = killed
  t.true(existsSync(join(third!.dir, 'store-v3', 'restored')))
  t.true(existsSync(join(third!.dir, 'identity.key')))
})
