/** Bundles by esbuild: what they take along, how large they are, and that they run. */
import { readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Place } from '../cli/command.ts'
import type { Owner } from '../cli/command.ts'
import type { Report } from '../doors/clients/report.ts'
import { tool, type Project } from './project.ts'

interface Bundled {
  readonly title: string
  readonly program: string
  /** Least and most bytes, not minified. */
  readonly bytes: readonly [least: number, most: number]
  readonly prints: RegExp
  /** Does it hold a node, and so the network? */
  readonly hasNode: boolean
}

const KEY = 'bafkr4idchjkgbwcbw3i4cpiib2cvadqaip6uxjfixkobvknu63qneerhnq'

const BUNDLES: readonly Bundled[] = [
  {
    title: 'a key',
    program: `import { parseKey } from '@dstore/dstore'\nconsole.log(parseKey('${KEY}').toHex())\n`,
    bytes: [10_000, 60_000],
    prints: /^623a5460d841b6d1/,
    hasNode: false,
  },
  {
    title: 'connect',
    program: `
import { connect } from '@dstore/dstore'
const dstore = await connect()
const { key } = await dstore.put('from a bundle')
console.log(await (await dstore.get(key)).text())
await dstore.close()
`,
    bytes: [100_000, 550_000],
    prints: /^from a bundle$/m,
    hasNode: false,
  },
  {
    title: 'createNode',
    program: `
import { createNode } from '@dstore/dstore'
import { writeFileSync } from 'node:fs'
const main = await createNode({ role: 'global', dir: process.argv[2] })
const { ticket } = await main.invite()
const local = await createNode({ role: 'local', ticket })
const { key } = await local.put('from a bundle')
console.log(await (await main.get(key)).text())
writeFileSync('large', Buffer.alloc(20_000_000, 7))
console.log((await main.put({ path: 'large' })).size)
await local.close()
await main.close()
`,
    bytes: [1_000_000, 4_000_000],
    prints: /^from a bundle\n20000000$/m,
    hasNode: true,
  },
]

/** Packages that a project may have, and that no bundle is to take along. */
const OPTIONAL = ['@aws-sdk/client-s3', '@nats-io/transport-node', 'pg']

export async function testBundles(report: Report, project: Project, owner: Owner): Promise<void> {
  for (const name of OPTIONAL) {
    project.write(`node_modules/${name}/package.json`, `{"name":"${name}","main":"index.js"}`)
    project.write(`node_modules/${name}/index.js`, 'exports.isBundled = true\n')
  }
  const place = new Place(owner)
  const started = await place.run(['start', '--store', 'memory'])
  if (started.exit !== 0) throw new Error(started.stderr)
  for (const bundled of BUNDLES) {
    for (const format of ['esm', 'cjs'] as const) {
      await report.test(`esbuild, ${format}: ${bundled.title}`, async () => {
        await Promise.resolve()
        report.note(tryBundle(project, place, bundled, format))
      })
    }
  }
  await place.run(['stop'])
}

function tryBundle(
  project: Project,
  place: Place,
  { title, program, bytes, prints, hasNode }: Bundled,
  format: 'esm' | 'cjs',
): string {
  const source = project.write('bundled.mjs', format === 'esm' ? program : inModule(program))
  const extension = format === 'esm' ? 'mjs' : 'cjs'
  const out = place.file(`bundle.${extension}`)
  const meta = place.file('meta.json')
  const shape = ['--bundle', '--platform=node', `--format=${format}`, '--log-level=error']
  project.run(tool('esbuild'), [source, ...shape, `--outfile=${out}`, `--metafile=${meta}`])
  const { size } = statSync(out)
  if (size < bytes[0] || size > bytes[1]) throw new Error(`${title}: ${size} bytes`)
  const { outputs } = JSON.parse(readFileSync(meta, 'utf8')) as Metafile
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs))
  if (inputs.some((path) => path.includes('libp2p-network')) !== hasNode)
    throw new Error(`${title}: the network in it is ${String(!hasNode)}`)
  const taken = OPTIONAL.filter((name) => inputs.some((path) => path.includes(`/${name}/`)))
  if (taken.length > 0) throw new Error(`${title}: it has ${taken.join(', ')}`)
  const run = (): string =>
    project.run(process.execPath, [out, place.file(`state-${format}`)], place.env())
  if (hasNode) {
    // The bundle lies where no package is.
    const refused = ((): string => {
      try {
        return run()
      } catch (error) {
        return String(error)
      }
    })()
    if (!/DstoreError: the package \S+ cannot be loaded/.test(refused)) throw new Error(refused)
    symlinkSync(join(project.path, 'node_modules'), place.file('node_modules'))
  }
  try {
    const printed = run()
    if (!prints.test(printed)) throw new Error(`${title}: ${printed}`)
  } finally {
    rmSync(place.file('node_modules'), { force: true })
  }
  return `${title}, ${format}: ${size} bytes`
}

interface Metafile {
  readonly outputs: Readonly<Record<string, { readonly inputs: Readonly<Record<string, unknown>> }>>
}

/** A bundle in CommonJS has no `await` at its top level. */
function inModule(program: string): string {
  const imports = program.split('\n').filter((line) => line.startsWith('import '))
  const rest = program.split('\n').filter((line) => !line.startsWith('import '))
  return `${imports.join('\n')}\nasync function main() {\n${rest.join('\n')}\n}\nvoid main()\n`
}
