/** The modules of the page are JavaScript without a build: tests state the types they use. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const PAGE_FOLDER: string = fileURLToPath(new URL('../../../ui/', import.meta.url))

/** Imports a module of the page, such as `core/format.js`. */
export const pageModule = async <Module>(path: string): Promise<Module> =>
  (await import(new URL(`../../../ui/${path}`, import.meta.url).href)) as Module

/** The files of the page with an extension, by their paths below `ui`. */
export const pageFiles = (extension: string): string[] =>
  readdirSync(PAGE_FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(extension))
    .toSorted()

export const pageText = (path: string): string => readFileSync(join(PAGE_FOLDER, path), 'utf8')
