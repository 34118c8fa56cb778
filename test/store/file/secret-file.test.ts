import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { readOrCreateSecret, SECRET_FILE_BYTES } from '../../../src/store/file/secret-file.ts'
import { isStraceInstalled, parseTrace } from '../disk/strace.ts'

const made: string[] = []

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'dstore-secret-'))
  made.push(path)
  return path
}

test.after.always(() => Promise.all(made.map((path) => rm(path, { recursive: true }))))

let drawn = 0

function fresh(): Promise<Uint8Array> {
  return Promise.resolve(Uint8Array.of(++drawn, 2, 3))
}

test('a secret is made once, only for its owner, and kept', async (t) => {
  const dir = await directory()
  const path = join(dir, 'secret')
  const first = await readOrCreateSecret(path, fresh)
  t.is((await stat(path)).mode & 0o777, 0o600)
  t.deepEqual(await readOrCreateSecret(path, fresh), first)
  t.deepEqual(await readdir(dir), ['secret'])
})

test('many that make it at once agree on one', async (t) => {
  const dir = await directory()
  const path = join(dir, 'secret')
  const all = await Promise.all(Array.from({ length: 20 }, () => readOrCreateSecret(path, fresh)))
  t.is(new Set(all.map((bytes) => Buffer.from(bytes).toString('hex'))).size, 1)
  t.deepEqual(await readdir(dir), ['secret'])
})

test('a secret that others can read is refused, with what to do', async (t) => {
  const path = join(await directory(), 'secret')
  await readOrCreateSecret(path, fresh)
  for (const mode of [0o640, 0o604, 0o660, 0o620, 0o601]) {
    await chmod(path, mode)
    const error = await t.throwsAsync(readOrCreateSecret(path, fresh), { instanceOf: DstoreError })
    t.is(error.code, 'not-permitted')
    t.is(error.hint, `chmod 600 ${path}`)
  }
  await chmod(path, 0o400)
  await t.notThrowsAsync(readOrCreateSecret(path, fresh))
})

test('a file that cannot be a secret is refused and not changed', async (t) => {
  const dir = await directory()
  const path = join(dir, 'secret')
  const long = new Uint8Array(SECRET_FILE_BYTES + 1)
  await writeFile(path, long, { mode: 0o600 })
  const error = await t.throwsAsync(readOrCreateSecret(path, fresh), { instanceOf: DstoreError })
  t.is(error.code, 'unreadable')
  t.is((await readFile(path)).byteLength, long.byteLength)
  const missing = readOrCreateSecret(join(dir, 'no', 'secret'), fresh)
  t.is((await t.throwsAsync(missing, { instanceOf: DstoreError })).code, 'unwritable')
})

test('where making it fails nothing is left', async (t) => {
  const dir = await directory()
  const failing = readOrCreateSecret(join(dir, 'secret'), () => Promise.reject(new Error('no')))
  t.is((await t.throwsAsync(failing, { instanceOf: DstoreError })).code, 'unwritable')
  t.deepEqual(await readdir(dir), [])
})

test('a new secret is synced before it has its name, and its name before it is used', async (t) => {
  if (!isStraceInstalled()) {
    t.log('SKIPPED: strace is not installed')
    t.pass()
    return
  }
  const folder = await directory()
  const output = join(folder, 'trace')
  const path = join(folder, 'secret')
  const module = new URL('../../../src/store/file/secret-file.js', import.meta.url).href
  const script = `
    import { readOrCreateSecret } from ${JSON.stringify(module)}
    await readOrCreateSecret(${JSON.stringify(path)}, async () => new Uint8Array(3))`
  const node = [process.execPath, '--input-type=module', '-e', script]
  const options = ['-f', '-y', '-o', output, '-e', 'trace=fsync,fdatasync,link,linkat']
  execFileSync('strace', [...options, ...node], { stdio: 'ignore' })
  const calls = parseTrace(await readFile(output, 'utf8')).map(({ name, args }) => {
    return name.startsWith('link') ? 'link' : args.endsWith('.tmp>') ? 'sync file' : 'sync folder'
  })
  t.deepEqual(calls, ['sync file', 'link', 'sync folder'])
})
