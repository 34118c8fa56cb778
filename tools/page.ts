/**
 * Builds the folder of the page that the package holds: our modules as one file, our style sheets
 * as one, and the library for plots. A browser opens the page with six requests instead of sixty.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown, type Plugin } from 'rolldown'
import { minifySync } from 'rolldown/utils'

/** Where the sources are, which a browser could load as they are. */
const SOURCES = 'ui'
/** Where the build puts the page. */
const PAGE_FOLDER = 'dist/ui'

/** It runs before all else, and by itself (R013-60). */
const FIRST = 'first.js'
/** What asks the daemon while the rest arrives; it comes in one file with the first script. */
const BEGIN = 'begin.js'
const MAIN = 'main.js'
const STYLE = 'style.css'

export async function buildPage(): Promise<void> {
  rmSync(PAGE_FOLDER, { recursive: true, force: true })
  const vendor = join(PAGE_FOLDER, 'vendor')
  mkdirSync(vendor, { recursive: true })
  cpSync(ofPackage('uplot/LICENSE'), join(vendor, 'uplot-license.txt'))
  const plots = small('uplot.js', readFileSync(ofPackage('uplot/dist/uPlot.esm.js'), 'utf8'))
  writeFileSync(
    join(vendor, 'uplot.js'),
    `/* uPlot; its licence is in uplot-license.txt. */\n${plots}\n`,
  )
  const { html, css } = documentOf(readFileSync(join(SOURCES, 'index.html'), 'utf8'))
  writeFileSync(join(PAGE_FOLDER, 'index.html'), html)
  writeFileSync(join(PAGE_FOLDER, STYLE), css)
  await bundle()
}

const ofPackage = (path: string): string => fileURLToPath(import.meta.resolve(path))

/** A module without comments and long names. */
function small(name: string, source: string): string {
  const { code, errors } = minifySync(name, source, { module: true })
  const [error] = errors
  if (error !== undefined) throw new Error(`${name}: ${error.message}`)
  return code
}

/**
 * Two modules: what begins at once, with the first script in front, and all the rest. What a view
 * loads when it is opened is there already.
 */
async function bundle(): Promise<void> {
  const begun = await modulesBelow(join(SOURCES, BEGIN))
  await write(ENTRY, FIRST, entryOf(begun))
  await write(join(SOURCES, MAIN), MAIN, apartFrom(new Set(begun)))
}

const FORM = { format: 'esm', minify: true, codeSplitting: false, comments: false } as const

/** The module at this path and those that it imports, in the order in which they run. */
async function modulesBelow(input: string): Promise<readonly string[]> {
  const build = await rolldown({ input, platform: 'browser' })
  try {
    const { output } = await build.generate(FORM)
    return output[0].moduleIds
  } finally {
    await build.close()
  }
}

async function write(input: string, name: string, plugin: Plugin): Promise<void> {
  const build = await rolldown({ input, platform: 'browser', plugins: [plugin] })
  try {
    await build.write({ ...FORM, dir: PAGE_FOLDER, cleanDir: false, entryFileNames: name })
  } finally {
    await build.close()
  }
}

const ENTRY = 'page-entry'

/** A module of the build alone, which exports all that these modules do. */
const entryOf = (modules: readonly string[]): Plugin => ({
  name: ENTRY,
  resolveId: (source) => (source === ENTRY ? source : undefined),
  load: (id) =>
    id === ENTRY
      ? modules.map((path) => `export * from ${JSON.stringify(path)}`).join('\n')
      : undefined,
})

/** These modules are in the first file, from where the others have them. */
const apartFrom = (modules: ReadonlySet<string>): Plugin => ({
  name: 'first-apart',
  resolveId: (source, importer) =>
    importer !== undefined && modules.has(resolve(importer, '..', source))
      ? { id: `./${FIRST}`, external: true }
      : undefined,
})

/** The document as the package has it, with one style sheet in the place of all, and that sheet. */
function documentOf(source: string): { html: string; css: string } {
  const link = /\n *<link rel="stylesheet" href="([^"]+)" \/>/g
  const sheets = [...source.matchAll(link)].map(([, path]) => path!)
  const css = sheets.map((path) =>
    readFileSync(
      path === 'vendor/uplot.css' ? ofPackage('uplot/dist/uPlot.min.css') : join(SOURCES, path),
      'utf8',
    ).trim(),
  )
  const one = `\n    <link rel="stylesheet" href="${STYLE}" />`
  let isFirst = true
  const html = source.replace(link, () => {
    const text = isFirst ? one : ''
    isFirst = false
    return text
  })
  // What begins is in the file of the first script.
  const begin = `\n    <script type="module" async src="${BEGIN}"></script>`
  if (!html.includes(begin)) throw new Error(`the document has no script ${BEGIN}`)
  return { html: html.replace(begin, ''), css: `${css.join('\n')}\n` }
}
