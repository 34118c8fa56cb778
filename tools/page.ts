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
  writeFileSync(join(PAGE_FOLDER, FIRST), small(FIRST, readFileSync(join(SOURCES, FIRST), 'utf8')))
  const { html, css } = withOneStyle(readFileSync(join(SOURCES, 'index.html'), 'utf8'))
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

/** All modules but the first one: what a view loads when it is opened is there already. */
async function bundle(): Promise<void> {
  const build = await rolldown({
    input: join(SOURCES, MAIN),
    platform: 'browser',
    plugins: [firstApart],
  })
  try {
    await build.write({
      dir: PAGE_FOLDER,
      format: 'esm',
      cleanDir: false,
      minify: true,
      codeSplitting: false,
      comments: false,
      entryFileNames: MAIN,
    })
  } finally {
    await build.close()
  }
}

/** The first module stays a file of its own, which both scripts of the document share. */
const firstApart: Plugin = {
  name: 'first-apart',
  resolveId: (source, importer) =>
    importer !== undefined && resolve(importer, '..', source) === resolve(SOURCES, FIRST)
      ? { id: `./${FIRST}`, external: true }
      : undefined,
}

/** The document with one style sheet in the place of all that it names, and that sheet. */
function withOneStyle(source: string): { html: string; css: string } {
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
  return { html, css: `${css.join('\n')}\n` }
}
