import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import test from 'ava'
import { ROOT, read } from './tree.ts'

interface Manifest {
  readonly name: string
  readonly bin: Record<string, string>
  readonly exports: Record<string, string | Record<string, string>>
  readonly engines: { readonly node: string }
}

const manifest = JSON.parse(read('package.json')) as Manifest

/** The files that npm would publish of what is built now. */
async function packed(): Promise<string[]> {
  const npm = ['pack', '--dry-run', '--json', '--ignore-scripts', '--logs-max=0']
  const { stdout } = await promisify(execFile)('npm', npm, { cwd: ROOT })
  const [report] = JSON.parse(stdout) as [{ files: { path: string }[] }]
  return report.files.map(({ path }) => path)
}

test('the package holds the command line, the library with its types, the specs, and nothing else', async (t) => {
  const paths = await packed()
  for (const path of [...Object.values(manifest.bin), 'LICENSE', 'CHANGELOG.md', 'package.json']) {
    t.true(paths.includes(path), `${path} is missing`)
  }
  for (const path of paths) {
    t.regex(
      path,
      /^(dist\/(dstore\.js|chunks\/.+\.js|src\/.+\.(js|d\.ts))|specs\/(.+\.md|vectors\/.+)|[A-Z]+(\.md)?|package\.json)$/,
    )
  }
})

test('whatever the package exports is in it', async (t) => {
  const paths = new Set(await packed())
  const targets = Object.values(manifest.exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  )
  t.true(targets.length > 0)
  for (const target of targets) t.true(paths.has(target.slice(2)), `${target} is missing`)
})

test('the package says on which Node it runs, and CI tries the oldest and those after it', (t) => {
  t.is(manifest.engines.node, '>=20.19.0')
  t.regex(read('.github/workflows/ci.yml'), /node: \[20, 22, 24\]/)
})
