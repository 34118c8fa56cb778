/** Builds the folder of the page that the package holds: our files, and the library for plots. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { minifySync } from 'rolldown/utils'

/** Where the build puts it. */
const PAGE_FOLDER = 'dist/ui'

/** Files of `ui` that are for its authors alone. */
const NOT_SERVED = /(\.d\.ts|\.md|\/tsconfig\.json)$/

export function buildPage(): void {
  rmSync(PAGE_FOLDER, { recursive: true, force: true })
  cpSync('ui', PAGE_FOLDER, { recursive: true, filter: (path) => !NOT_SERVED.test(path) })
  const vendor = join(PAGE_FOLDER, 'vendor')
  cpSync(ofPackage('uplot/dist/uPlot.min.css'), join(vendor, 'uplot.css'))
  cpSync(ofPackage('uplot/LICENSE'), join(vendor, 'uplot-license.txt'))
  writeFileSync(join(vendor, 'uplot.js'), smallPlots())
}

const ofPackage = (path: string): string => fileURLToPath(import.meta.resolve(path))

/** The module of the library, which has a third of its size without comments and long names. */
function smallPlots(): string {
  const source = readFileSync(ofPackage('uplot/dist/uPlot.esm.js'), 'utf8')
  const { code, errors } = minifySync('uplot.js', source, { module: true })
  const [error] = errors
  if (error !== undefined) throw new Error(`uplot: ${error.message}`)
  return `/* uPlot; its licence is in uplot-license.txt. */\n${code}\n`
}
