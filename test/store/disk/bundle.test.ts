import { execFile } from 'node:child_process'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from '../../serial.ts'
import { Key } from '../../../src/hash/key.ts'
import { PARALLEL_HASH_BYTES } from '../../../src/limits.ts'
import { hashFile } from '../../../src/store/file/file-hasher.ts'

const run = promisify(execFile)

test('R002-8: bundled as the command line, the file hasher finds the file that its threads start from', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'dstore-bundle-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'value')
  await writeFile(file, 'begins with this')
  await truncate(file, PARALLEL_HASH_BYTES + 5)
  const { stdout } = await run(process.execPath, ['dist/dstore.js', 'cid', file])
  t.is(stdout, `${new Key((await hashFile(file)).digest).toString()}\n`)
})
