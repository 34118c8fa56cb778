/** What is on disk below a folder, to compare with what should be. */
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Content } from './folder.ts'

/** The contents of a folder by their paths, as `folderOf` takes them; only empty folders count. */
export function contentsOf(folder: string, under: string = ''): Record<string, Content> {
  const contents: Record<string, Content> = {}
  const names = readdirSync(folder)
  if (names.length === 0 && under !== '') contents[under.slice(0, -1)] = null
  for (const name of names) {
    const path = join(folder, name)
    const stats = lstatSync(path)
    if (stats.isDirectory()) Object.assign(contents, contentsOf(path, `${under}${name}/`))
    else if (stats.isSymbolicLink()) contents[under + name] = { to: readlinkSync(path) }
    else {
      const text = readFileSync(path, 'utf8')
      contents[under + name] = (stats.mode & 0o111) === 0 ? text : { exec: text }
    }
  }
  return contents
}

/** An empty folder for one test. */
export function emptyFolder(t: { readonly teardown: (end: () => unknown) => void }): string {
  const path = mkdtempSync(join(tmpdir(), 'dstore-extract-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}
