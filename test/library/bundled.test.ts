/** The library as part of a bundle: a node works where its native packages can be found. */
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { rolldown } from 'rolldown'

const LIBRARY = fileURLToPath(new URL('../../library.js', import.meta.url))
const PACKAGES = fileURLToPath(new URL('../../../node_modules', import.meta.url))

/** Puts a small value, and a file that is hashed in several threads. */
const PROGRAM = `
import { createNode } from ${JSON.stringify(LIBRARY)}
import { writeFileSync } from 'node:fs'
const [, , dir] = process.argv
try {
  const node = await createNode({ dir })
  const { key } = await node.put('hello')
  console.log(await (await node.get(key)).text())
  writeFileSync(dir + '/large', Buffer.alloc(20_000_000, 7))
  console.log((await node.put({ path: dir + '/large' })).size)
  await node.close()
} catch (error) {
  console.log(error.constructor.name, error.code, error.message, error.hint)
}
`

/** The folder of a bundle, which is outside of this package. */
async function bundle(t: ExecutionContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'dstore-bundle-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const input = join(folder, 'program.mjs')
  writeFileSync(input, PROGRAM)
  const built = await rolldown({ input, platform: 'node', logLevel: 'silent' })
  await built.write({ dir: join(folder, 'out'), format: 'esm' })
  return folder
}

test('R007-108: a node in a bundle works, or says what is missing', async (t) => {
  const folder = await bundle(t)
  const run = async (): Promise<string> => {
    const program = [join(folder, 'out', 'program.js'), join(folder, 'state')]
    return (await promisify(execFile)(process.execPath, program)).stdout
  }
  t.is(
    await run(),
    'DstoreError unreadable the package fs-native-extensions cannot be loaded ' +
      'install dstore with its optional packages; where it is part of a bundle, let the bundler ' +
      'treat @dstore/dstore as external\n',
  )
  symlinkSync(PACKAGES, join(folder, 'node_modules'))
  t.is(await run(), 'hello\n20000000\n')
})
