/** Every example runs in a plain project, as a module and as CommonJS. */
import { deepEqual } from 'node:assert/strict'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Place } from '../cli/command.ts'
import type { Owner } from '../cli/command.ts'
import type { Report } from '../doors/clients/report.ts'
import { ROOT } from '../house/tree.ts'
import type { Project } from './project.ts'
import { TSC } from './types.ts'

const IMPORT = /^import \{([^}]*)\} from ('[^']+')$/gm

/** The same program with `require`, in a function where `await` may stand. */
function asCommonJs(module: string): string {
  const required = [...module.matchAll(IMPORT)].map(
    ([, names, from]) => `const {${names!.replaceAll(' as ', ': ')}} = require(${from!})`,
  )
  return `${required.join('\n')}\nasync function main() {\n${module.replaceAll(IMPORT, '')}\n}\nvoid main()\n`
}

/** The program of the page about programs, and what it prints. */
function pageExample(): Readonly<Record<string, string>> {
  const page = readFileSync(join(ROOT, 'docs/from-a-program.md'), 'utf8')
  const [, program, printed] = /^```js\n(.*?)^```\n.*?^```text\n(.*?)^```$/ms.exec(page)!
  return { 'hello-page.mjs': `${program!}\n/* prints\n${printed!}*/\n` }
}

export async function testExamples(report: Report, project: Project, owner: Owner): Promise<void> {
  const names = readdirSync(join(ROOT, 'examples')).filter((name) => /\.[cm]js$/.test(name))
  const texts = Object.entries(pageExample()).concat(
    names.map((name) => [name, readFileSync(join(ROOT, 'examples', name), 'utf8')]),
  )
  for (const [name, text] of texts) {
    const [, expected] = /\/\* prints\n(.*)\*\/\n$/s.exec(text)!
    const forms = name.endsWith('.mjs')
      ? { [name]: text, 'example.js': asCommonJs(text) }
      : { [name]: text }
    for (const [file, program] of Object.entries(forms)) {
      const form = file.endsWith('.mjs') ? 'a module' : 'CommonJS'
      await report.test(`${name} runs in a plain project as ${form}`, async () => {
        const place = new Place(owner)
        const started = await place.run(['start', '--store', 'memory'])
        if (started.exit !== 0) throw new Error(started.stderr)
        project.write(file, program)
        const lines = (shown: string): string[] => shown.split('\n').map((line) => line.trimEnd())
        deepEqual(lines(project.run(process.execPath, [file], place.env())), lines(expected!))
        await place.run(['stop'])
      })
    }
  }
}

/** The program of the page about WebAssembly, compiled: its module adds. */
export async function testWasm(report: Report, project: Project, owner: Owner): Promise<void> {
  await report.test('the program of docs/wasm.md compiles a stored module', async () => {
    const page = readFileSync(join(ROOT, 'docs/wasm.md'), 'utf8')
    const [, bytes] = /^\$ echo '([^']+)' \| base64 -d/m.exec(page)!
    const [, program] = /^```ts\n(.*?)^```$/ms.exec(page)!
    const place = new Place(owner)
    mkdirSync(join(place.path, 'app'))
    writeFileSync(join(place.path, 'app', 'add.wasm'), Buffer.from(bytes!, 'base64'))
    const app = join(place.path, 'app')
    const put = await place.run(['put', app, '--name', 'apps/adder/v1'])
    if (put.exit !== 0) throw new Error(put.stderr)
    const end = `
const { exports } = await WebAssembly.instantiate(module)
console.log((exports['add'] as (one: number, other: number) => number)(2, 40))
`
    project.write('wasm.mts', `${program!}${end}`)
    const lib = ['--lib', 'es2023,dom,dom.asynciterable,esnext.disposable']
    project.run(TSC, ['--strict', '--target', 'es2022', '--module', 'nodenext', ...lib, 'wasm.mts'])
    deepEqual(project.run(process.execPath, ['wasm.mjs'], place.env()), '42\n')
    await place.run(['stop'])
  })
}
