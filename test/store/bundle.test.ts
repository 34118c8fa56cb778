import { execFile } from 'node:child_process'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { hash } from '../../src/hash/hasher.ts'
import { toHex } from '../../src/bytes.ts'
import { MIB } from '../../src/limits.ts'
import { pattern } from '../hash/sizes.ts'

const run = promisify(execFile)

test('R002-8: bundled like the command line, the file hasher finds its threads and its faults are the same class', async (t) => {
  // Inside dist, where the bundle would be: two levels below it, as the sources are two levels below the root.
  const folder = await mkdtemp(join('dist', 'bundle-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'cli'))
  const entry = join(folder, 'cli', 'entry.ts')
  await writeFile(
    entry,
    `import { DstoreError } from '../../../src/errors.ts'
     const { hashFile } = await import('../../../src/store/file-hasher.ts')
     const { digest } = await hashFile(process.argv[2]!, { parallelBytes: 0 })
     console.log(Buffer.from(digest).toString('hex'))
     const fault = await hashFile('/none').catch((error) => error)
     console.log(fault instanceof DstoreError, fault.code)`,
  )
  const value = pattern(3 * MIB)
  const file = join(folder, 'value')
  await writeFile(file, value)
  const configuration = join(folder, 'rolldown.config.mjs')
  await writeFile(
    configuration,
    `import config from '../../rolldown.config.js'
     export default { ...config, input: { 'bundle-test': ${JSON.stringify(entry)} } }`,
  )
  const bundler = createRequire(import.meta.url).resolve('rolldown/package.json')
  await run(process.execPath, [join(bundler, '../bin/cli.mjs'), '-c', configuration])
  const bundle = join('dist', 'bundle-test.js')
  t.teardown(() => rm(bundle, { force: true }))
  const { stdout } = await run(process.execPath, [bundle, file])
  t.is(stdout, `${toHex(hash(value).digest)}\ntrue unreadable\n`)
})
