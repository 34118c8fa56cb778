import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from '../serial.ts'
import { ROOT } from './tree.ts'

/** Runs a command in a folder, and returns its output. */
const run = async (cwd: string, command: string, ...rest: string[]): Promise<string> =>
  (await promisify(execFile)(command, rest, { cwd })).stdout

const PROGRAM = `
import { DstoreError, Key, connect, createNode, type Dstore, type Source } from '@dstore/dstore'
export const keep = async (dstore: Dstore, source: Source): Promise<Response> => {
  const { key } = await dstore.put(source, { onProgress: ({ doneBytes }) => void doneBytes })
  return new Response((await dstore.get(key, { range: { last: 10 } })).stream())
}
const dstore = await createNode()
const answer = await keep(dstore, new Blob(['hello, world']))
if ((await answer.text()) !== 'llo, world') throw new Error('it is something else')
await dstore[Symbol.asyncDispose]()
await connect({ dir: '/does/not/exist' }).catch((error: unknown) => {
  if (!(error instanceof DstoreError) || error.code !== 'unreachable') throw error
})
console.log(new Key(new Uint8Array(32)).toString(), new DstoreError('busy', 'x').kind.exit)
`

test('the packed package works in an empty project: its command, its library, its types', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'dstore-install-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await run(ROOT, 'npm', 'pack', '--ignore-scripts', '--pack-destination', folder)
  const [tarball] = await readdir(folder)
  await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }')
  await run(
    folder,
    'npm',
    'install',
    '--no-update-notifier',
    '--no-audit',
    '--no-fund',
    join(folder, tarball!),
  )
  await symlink(join(ROOT, 'node_modules/typescript'), join(folder, 'node_modules/typescript'))

  t.not(await run(folder, join(folder, 'node_modules/.bin/dstore'), '--version'), '')

  await writeFile(join(folder, 'program.ts'), PROGRAM)
  const options = '--module nodenext --target es2023 --strict'.split(' ')
  const compiler = join(folder, 'node_modules/typescript/bin/tsc')
  await run(folder, 'node', compiler, ...options, '--types', '', 'program.ts')
  t.regex(await run(folder, 'node', 'program.js'), /^bafkr4i[a-z2-7]+ 7\n$/)
})
