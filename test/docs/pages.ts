/** The pages of documentation, and which of them need nodes of their own. */
import { readdirSync } from 'node:fs'
import { blocksOf } from './page.ts'

/** The pages in a folder, in order. */
const pagesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`)

export const PAGES: readonly string[] = ['README.md', ...pagesIn('docs'), ...pagesIn('docs/doors')]

export const isRun = (page: string): boolean => blocksOf(page).some((block) => block.isRun)

/** Pages of doors that set up nodes of their own. */
const WITH_NODES = /\/(browse-and-mount|hugging-face|hugging-face-upstream)\.md$/

/** Pages about a tool, which use the node that the first of them, the overview, has started. */
export const SHARING: readonly string[] = PAGES.filter(
  (page) => page.startsWith('docs/doors/') && !WITH_NODES.test(page) && isRun(page),
)
