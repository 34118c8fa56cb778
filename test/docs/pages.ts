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

/** Pages that set up several nodes, or show what the first command says, or all that is stored. */
export const ALONE: readonly string[] = [
  'README.md',
  'docs/doors/browse-and-mount.md',
  'docs/doors/hugging-face-upstream.md',
  'docs/doors/hugging-face.md',
  'docs/rules.md',
  'docs/tutorial.md',
  'docs/two-machines.md',
]
