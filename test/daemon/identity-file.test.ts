import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { loadIdentity } from '../../src/daemon/identity-file.ts'
import { encodeIdentity, newIdentity, peerIdOf } from '../../src/node/identity.ts'
import { DstoreError } from '../../src/errors.ts'

const made: string[] = []

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'dstore-identity-'))
  made.push(path)
  return path
}

test.after.always(() => Promise.all(made.map((path) => rm(path, { recursive: true }))))

test('an identity is made once, readable by its owner alone, and kept', async (t) => {
  const dir = await directory()
  const path = join(dir, 'key')
  const first = peerIdOf(await loadIdentity(path))
  t.is((await stat(path)).mode & 0o777, 0o600)
  t.is(peerIdOf(await loadIdentity(path)), first)
  t.deepEqual(await readdir(dir), ['key'])
  t.regex(first, /^12D3KooW/)
})

test('many that begin at once become one', async (t) => {
  const dir = await directory()
  const path = join(dir, 'key')
  const all = await Promise.all(Array.from({ length: 10 }, () => loadIdentity(path)))
  t.is(new Set(all.map(peerIdOf)).size, 1)
  t.deepEqual(await readdir(dir), ['key'])
})

test('a key that others can read is refused, with what to do', async (t) => {
  const path = join(await directory(), 'key')
  await loadIdentity(path)
  for (const mode of [0o640, 0o604, 0o660, 0o620]) {
    await chmod(path, mode)
    const error = await t.throwsAsync(loadIdentity(path), { instanceOf: DstoreError })
    t.is(error.code, 'unreadable')
    t.is(error.hint, `chmod 600 ${path}`)
  }
  await chmod(path, 0o400)
  await t.notThrowsAsync(loadIdentity(path))
})

test('a damaged key is told, and left as it is', async (t) => {
  const path = join(await directory(), 'key')
  const whole = encodeIdentity(await newIdentity())
  const damaged = [
    new Uint8Array(0),
    whole.subarray(1),
    whole.subarray(0, -1),
    Uint8Array.of(...whole, 0),
    ...[0, 4, 20, 40, whole.length - 1].map((at) =>
      whole.map((byte, i) => (i === at ? byte ^ 1 : byte)),
    ),
  ]
  for (const bytes of damaged) {
    await writeFile(path, bytes, { mode: 0o600 })
    const error = await t.throwsAsync(loadIdentity(path), { instanceOf: DstoreError })
    t.is(error.code, 'unreadable')
    t.deepEqual(new Uint8Array(await readFile(path)), new Uint8Array(bytes))
  }
})

test('where it cannot be written, that is said', async (t) => {
  const error = await t.throwsAsync(loadIdentity(join(await directory(), 'no', 'key')), {
    instanceOf: DstoreError,
  })
  t.is(error.code, 'unwritable')
})
