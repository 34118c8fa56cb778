import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DstoreError } from '../../../../src/errors.ts'
import {
  settleIdentity,
  type ArchivedIdentityOptions,
} from '../../../../src/node/global/archive/archived-identity.ts'
import { SILENT } from '../../../../src/log.ts'
import { MemoryBucket } from '../../../bucket/memory-objects.ts'
import { temporaryDirectory } from '../../../daemon/serving.ts'
import { test } from '../../../serial.ts'

const SET = 'set.json'
let calls = 0
const random = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(++calls)

async function withBucket(set = '{"version":1,"set":"aa"}') {
  const bucket = new MemoryBucket()
  const objects = bucket.client('test')
  await objects.put(SET, new TextEncoder().encode(set))
  const warnings: string[] = []
  const log = { ...SILENT, warn: (message: string) => void warnings.push(message) }
  const settle = (rest: Pick<ArchivedIdentityOptions, 'dir' | 'keyFile'>) =>
    settleIdentity({ objects, random, log, ...rest })
  return { bucket, objects, warnings, settle }
}

test('R011-87 the first start makes the key file, and an empty directory gets the identity back', async (t) => {
  const { bucket, warnings, settle } = await withBucket()
  const [first, second] = [temporaryDirectory(t), temporaryDirectory(t)]
  const keyFile = join(temporaryDirectory(t), 'archive.key')
  await t.throwsAsync(settle({ dir: first, keyFile: undefined }), {
    code: 'usage',
    message: /key file/,
  })
  await settle({ dir: first, keyFile })
  t.is(statSync(keyFile).mode & 0o777, 0o600)
  t.regex(readFileSync(keyFile, 'utf8'), /^dstore_archive_key_[\da-f]{64}\n$/)
  t.regex(warnings.join('\n'), /keep a copy off this machine/)
  const identity = readFileSync(join(first, 'identity.key'))
  // The bucket has neither the identity nor the key in clear.
  const there = Buffer.concat([...bucket.objects.values()])
  t.false(there.includes(identity.subarray(4, 36)))
  t.false(there.includes(Buffer.from(readFileSync(keyFile, 'utf8').slice(19, 83), 'hex')))
  // With the file or without it: the next start goes on.
  await settle({ dir: first, keyFile })
  await settle({ dir: first, keyFile: undefined })
  await settle({ dir: first, keyFile: join(first, 'kept-elsewhere') })
  t.false(existsSync(join(first, 'kept-elsewhere')))
  t.is(warnings.length, 1)
  await t.throwsAsync(settle({ dir: second, keyFile: undefined }), { code: 'usage' })
  await t.throwsAsync(settle({ dir: second, keyFile: join(second, 'none') }), {
    code: 'unreadable',
    message: /no key file at/,
  })
  t.false(existsSync(join(second, 'identity.key')))
  await settle({ dir: second, keyFile })
  t.deepEqual(readFileSync(join(second, 'identity.key')), identity)
  t.is(statSync(join(second, 'identity.key')).mode & 0o777, 0o600)
})

test('R011-87 a wrong key, a loose one, and an archive of another node are refused', async (t) => {
  const { bucket, objects, settle } = await withBucket()
  const [first, second, keys] = [
    temporaryDirectory(t),
    temporaryDirectory(t),
    temporaryDirectory(t),
  ]
  const keyFile = join(keys, 'archive.key')
  await settle({ dir: first, keyFile })
  const wrong = join(keys, 'wrong.key')
  const text = `dstore_archive_key_${'0'.repeat(64)}\n`
  writeFileSync(wrong, text, { mode: 0o600 })
  for (const dir of [first, second]) {
    const error = await t.throwsAsync<DstoreError>(settle({ dir, keyFile: wrong }), {
      code: 'unreadable',
    })
    t.regex(error.message, /does not open the identity/)
  }
  writeFileSync(wrong, 'dstore_archive_key_00\n')
  await t.throwsAsync(settle({ dir: second, keyFile: wrong }), { message: /no key of an archive/ })
  const loose = join(keys, 'loose.key')
  writeFileSync(loose, readFileSync(keyFile), { mode: 0o644 })
  await t.throwsAsync(settle({ dir: second, keyFile: loose }), { code: 'not-permitted' })
  t.false(existsSync(join(second, 'identity.key')))
  // Another node with an identity of its own.
  const other = await withBucket()
  await other.settle({ dir: second, keyFile })
  await t.throwsAsync(settle({ dir: second, keyFile }), {
    code: 'conflict',
    message: /archive of another node/,
  })
  // The object of another archive does not pass for that of this one.
  const moved = other.bucket.objects.get('identity')!
  rmSync(join(first, 'identity.key'))
  bucket.objects.set('identity', moved)
  bucket.objects.set(SET, new TextEncoder().encode('{"version":1,"set":"bb"}'))
  await t.throwsAsync(settle({ dir: first, keyFile }), { code: 'unreadable' })
  // Neither is read that is too large, nor is anything done without a set.
  bucket.objects.set('identity', new Uint8Array(5000))
  await t.throwsAsync(settle({ dir: first, keyFile }), { code: 'integrity', message: /too large/ })
  await objects.remove([SET])
  await t.throwsAsync(settle({ dir: first, keyFile }), { code: 'integrity', message: /set\.json/ })
})

test('R011-87 an answer that was lost does not make the own identity that of another', async (t) => {
  const { bucket, settle } = await withBucket()
  const dir = temporaryDirectory(t)
  const keyFile = join(dir, 'archive.key')
  bucket.onRequest = ({ verb }) => (verb === 'put' ? 'unanswered' : undefined)
  await t.throwsAsync(settle({ dir, keyFile }), { code: 'unreachable' })
  bucket.onRequest = () => 'whole'
  await t.notThrowsAsync(settle({ dir, keyFile }))
})
