import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeSet } from '../../../../src/archive/set.ts'
import type { ObjectStore } from '../../../../src/bucket/object-store.ts'
import {
  openMember,
  patiently,
  settleIdentity,
} from '../../../../src/daemon/process/set/open-member.ts'
import { reachable } from '../../../../src/daemon/process/set/reachable.ts'
import { DstoreError, type ErrorCode } from '../../../../src/errors.ts'
import type { Journal } from '../../../../src/journal/journal.ts'
import { createMemoryJournal } from '../../../journal/memory-journal.ts'
import { SILENT } from '../../../../src/log.ts'
import type { MemberNote } from '../../../../src/set/notes/member-note.ts'
import { writeNote } from '../../../../src/set/notes/notes.ts'
import { checkSameSet, hasHistory } from '../../../../src/set/same-set.ts'
import { openDiskStore } from '../../../../src/store/disk/disk.ts'
import { MemoryBucket } from '../../../bucket/memory-objects.ts'
import { openWriter } from '../../../journal/tools.ts'
import { temporaryDirectory } from '../../serving.ts'
import { test } from '../../../serial.ts'

let calls = 0
const random = (length: number): Uint8Array => new Uint8Array(length).fill(++calls)
const settle = (objects: ObjectStore, dir: string, key: string): Promise<void> =>
  settleIdentity({ objects, directory: dir, keyFile: key, random, log: SILENT })
const identityIn = (dir: string): Buffer => readFileSync(join(dir, 'identity.key'))

test('R012-37 every member gets the identity of the set before it opens a network', async (t) => {
  const bucket = new MemoryBucket()
  const [a, b, keys] = [temporaryDirectory(t), temporaryDirectory(t), temporaryDirectory(t)]
  const key = join(keys, 'set.key')
  await settle(bucket.client(), a, key)
  await settle(bucket.client(), b, key)
  t.deepEqual(identityIn(b), identityIn(a))
  const none = join(keys, 'none.key')
  const missing = await t.throwsAsync(settle(bucket.client(), temporaryDirectory(t), none))
  t.regex(String((missing as { hint?: string }).hint), /--set-key/)
  const wrong = join(keys, 'wrong.key')
  writeFileSync(wrong, `dstore_archive_key_${'0'.repeat(64)}\n`, { mode: 0o600 })
  const other = await t.throwsAsync(settle(bucket.client(), temporaryDirectory(t), wrong), {
    code: 'unreadable',
    message: 'the key file does not open the identity of the set',
  })
  t.regex(String((other as { hint?: string }).hint), /^it is the key of another set/)
  writeFileSync(wrong, 'nothing', { mode: 0o600 })
  await t.throwsAsync(settle(bucket.client(), temporaryDirectory(t), wrong), {
    message: /holds no key of a set$/,
  })
})

test('R012-41 the store of a single node is refused by name, with the way into a set', async (t) => {
  const directory = temporaryDirectory(t)
  await (await openDiskStore({ directory })).close()
  // Nothing of these is tried first.
  const settings = { engine: 'nats://127.0.0.1:1/main', bucket: 's3://none/none', setKey: '/none' }
  const error = await t.throwsAsync(openMember({ directory, settings, log: SILENT }), {
    code: 'conflict',
    message: /store-v3 is the store of a single node, not of a member of a set$/,
  })
  t.regex(String((error as { hint?: string }).hint), /dstore export.*dstore import.*docs\/set\.md/)
})

test('R012-37 of members that start a set together, all have the identity of one', async (t) => {
  const bucket = new MemoryBucket()
  const [a, b] = [temporaryDirectory(t), temporaryDirectory(t)]
  const key = join(temporaryDirectory(t), 'set.key')
  const objects = bucket.client()
  let isFirst = true
  const slow = new Proxy(objects, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (name !== 'put')
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      return async (...[at, body, options]: Parameters<ObjectStore['put']>) => {
        // Another member comes between the look and the write.
        if (at === 'identity' && isFirst) {
          isFirst = false
          await settle(bucket.client(), b, key)
        }
        return target.put(at, body, options)
      }
    },
  })
  await settle(slow, a, key)
  t.false(isFirst)
  t.deepEqual(identityIn(a), identityIn(b))
})

test('R012-38 an address of every network stands for those of the machine, loopback last', (t) => {
  const one = { netmask: '', mac: '', cidr: null }
  const found = reachable(['/ip4/0.0.0.0/tcp/1', '/dns4/a/tcp/2'], () => ({
    lo: [{ ...one, address: '127.0.0.1', family: 'IPv4', internal: true }],
    eth: [{ ...one, address: '10.0.0.7', family: 'IPv4', internal: false }],
  }))
  t.deepEqual(found, ['/ip4/10.0.0.7/tcp/1', '/ip4/127.0.0.1/tcp/1', '/dns4/a/tcp/2'])
})

test('R012-47 an engine that does not answer yet is tried again, for some seconds; an unfit one is not', async (t) => {
  const journal = createMemoryJournal()
  const opened = async (faults: readonly string[]): Promise<{ slept: number; code?: string }> => {
    let [now, tries] = [0, 0]
    const open = async (): Promise<typeof journal> => {
      const code = faults[tries++] ?? faults.at(-1)
      if (code === 'none') return journal
      throw new DstoreError(code as 'unreachable', 'no')
    }
    const sleep = async (ms: number): Promise<void> => void (now += ms)
    try {
      await patiently(open, sleep, SILENT, () => now)
      return { slept: now }
    } catch (error) {
      return { slept: now, code: (error as DstoreError).code }
    }
  }
  t.deepEqual(await opened(['unreachable', 'unreachable', 'none']), { slept: 1000 })
  t.deepEqual(await opened(['unreachable']), { slept: 10_000, code: 'unreachable' })
  t.deepEqual(await opened(['incompatible', 'none']), { slept: 0, code: 'incompatible' })
  await journal.close()
})

test('R012-48, R012-101 a start that the engine refuses leaves bucket and state directory as they were', async (t) => {
  const bucket = new MemoryBucket()
  const [dir, keys] = [temporaryDirectory(t), temporaryDirectory(t)]
  const objects = bucket.client()
  const start = (ready: () => Promise<void>): Promise<void> =>
    settleIdentity({
      objects,
      directory: dir,
      keyFile: join(keys, 'set.key'),
      random,
      log: SILENT,
      ready,
    })
  const refuse = (): Promise<void> => Promise.reject(new DstoreError('incompatible', 'unfit'))
  t.like(await t.throwsAsync(start(refuse)), { code: 'incompatible' })
  const [other, empty] = [createMemoryJournal(), createMemoryJournal()]
  const { writer } = await openWriter(other, 7)
  await writer.close()
  const check = (journal: Journal, hasRecords: boolean) => () =>
    checkSameSet({ journal, objects, hasRecords })
  const refused = async (journal: Journal, code: ErrorCode, message: RegExp, records = false) => {
    t.like(await t.throwsAsync(start(check(journal, records)), { message }), { code })
    t.deepEqual([readdirSync(dir), readdirSync(keys)], [[], []])
  }
  await refused(other, 'conflict', /the journal has entries, and .* has no set/)
  await refused(empty, 'conflict', /has the records of a member of a set, and .* no set/, true)
  t.deepEqual(bucket.keys(), [])
  // Of a set whose engine is another one, or has lost the journal.
  await makeSet(objects, random)
  t.false(await hasHistory(objects), 'its first member may have failed before its journal')
  await refused(other, 'conflict', /the journal is of the set .* is of/)
  await refused(other, 'conflict', /the journal is of the set .* is of/, true)
  await writeNote(objects, NOTE)
  await refused(empty, 'integrity', /the journal is empty, and .* has a set/)
  await t.notThrowsAsync(check(empty, true))
  t.true(await hasHistory(objects))
  t.deepEqual(bucket.keys(), [`m/${NOTE.id}`, 'set.json'])
  await Promise.all([other.close(), empty.close()])
})

const NOTE: MemberNote = {
  id: 'b'.repeat(16),
  name: 'b',
  version: '1',
  state: 'standby',
  position: 5,
  addresses: [],
  at: 1,
}
