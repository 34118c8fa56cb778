/** Builds the folder of the page that the package holds: our files, and the library for plots. */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Where the build puts it. */
const PAGE_FOLDER = 'dist/ui'

/** What the page serves of its packages, by path below the folder `vendor`. */
const VENDOR: Readonly<Record<string, string>> = {
  'uplot.js': 'uplot/dist/uPlot.esm.js',
  'uplot.css': 'uplot/dist/uPlot.min.css',
  'uplot-license.txt': 'uplot/LICENSE',
}

/** Files of `ui` that are for its authors alone. */
const NOT_SERVED = /(\.d\.ts|\.md|\/tsconfig\.json)$/

export function buildPage(): void {
  rmSync(PAGE_FOLDER, { recursive: true, force: true })
  cpSync('ui', PAGE_FOLDER, { recursive: true, filter: (path) => !NOT_SERVED.test(path) })
  for (const [name, path] of Object.entries(VENDOR)) {
    cpSync(join('node_modules', path), join(PAGE_FOLDER, 'vendor', name))
  }
}
