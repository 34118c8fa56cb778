/** The types of the tarball, as each way of resolving them reads them. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Report } from '../doors/clients/report.ts'
import { ROOT } from '../house/tree.ts'
import { tool, type Project } from './project.ts'

/**
 * Not tried or accepted: the resolution of Node 10, which knows no `exports` (dstore needs Node
 * 20), and that CommonJS gets a module, which Node 20.19 and later `require`.
 */
const ATTW = [
  '--no-definitely-typed',
  '--profile',
  'node16',
  '--ignore-rules',
  'cjs-resolves-to-esm',
]

/** The compiler of this repository, not the older one that `attw` has. */
export const TSC: string = join(ROOT, 'node_modules/.bin/tsc')

const STRICT = [
  '--noEmit',
  '--strict',
  '--exactOptionalPropertyTypes',
  '--noUncheckedIndexedAccess',
  '--noPropertyAccessFromIndexSignature',
  '--noImplicitOverride',
  '--target',
  'es2022',
]

/** What a user of TypeScript expects: signals, async iteration, `await using`, faults by code. */
const PROGRAM = `
import { connect, createNode, DstoreError, Key, parseKey } from '@dstore/dstore'
import type { Dstore, Progress, PutResult, Value } from '@dstore/dstore'

export async function main(signal: AbortSignal): Promise<string> {
  await using dstore: Dstore = await connect({ signal })
  await using own = await createNode({ role: 'standalone' })
  const onProgress = ({ doneBytes }: Progress): void => void doneBytes
  const { key }: PutResult = await own.put('text', { name: 'a', signal, onProgress })
  const value: Value = await dstore.get(key)
  for await (const piece of value) if (piece.byteLength === 0) return ''
  for await (const { name } of dstore.names('app/')) if (name === '') return ''
  const opened = dstore.openPath(key)
  await using file = await opened
  const same: boolean = key.equals(parseKey(\`\${key}\`)) && key instanceof Key
  try {
    return \`\${file.path}\${same}\`
  } catch (error) {
    return error instanceof DstoreError && error.code === 'not-found' ? error.hint ?? '' : ''
  }
}
// @ts-expect-error -- a misspelt option is an error
void createNode({ dirr: 'state' })
`

const WAYS: Readonly<Record<string, readonly string[]>> = {
  'module nodenext, in a module': ['--module', 'nodenext', 'program.mts'],
  'module nodenext, in CommonJS': ['--module', 'nodenext', 'program.cts'],
  'module preserve, resolution of bundlers': [
    '--module',
    'preserve',
    '--moduleResolution',
    'bundler',
    'program.ts',
  ],
}

export async function testTypes(report: Report, project: Project): Promise<void> {
  await report.test('attw finds nothing in the tarball', async () => {
    await Promise.resolve()
    project.run(tool('attw'), [project.tarball, ...ATTW])
  })
  for (const name of ['program.mts', 'program.cts', 'program.ts']) project.write(name, PROGRAM)
  for (const [way, args] of Object.entries(WAYS)) {
    await report.test(
      `tsc, strict, without @types/node, checking declarations: ${way}`,
      async () => {
        await Promise.resolve()
        const lib = ['--lib', 'es2023,dom,dom.asynciterable,esnext.disposable']
        project.run(TSC, [...STRICT, ...lib, '--skipLibCheck', 'false', ...args])
      },
    )
  }
  await report.test('tsc finds no mistake in the examples', async () => {
    await Promise.resolve()
    const names = readdirSync(join(ROOT, 'examples')).filter((name) => /\.[cm]js$/.test(name))
    for (const name of names)
      project.write(name, readFileSync(join(ROOT, 'examples', name), 'utf8'))
    const node = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')]
    const js = ['--allowJs', '--checkJs', '--noEmit', '--strict', '--target', 'es2023']
    project.run(TSC, [...js, '--module', 'nodenext', '--skipLibCheck', ...node, ...names])
  })
}
