/** Folders on disk for tests: made from a description, removed with the test. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

interface Owner {
  readonly teardown: (end: () => unknown) => void
}

/** Text of a file; `null` for an empty folder; where a link points to; an executable file. */
export type Content = string | null | { readonly to: string } | { readonly exec: string }

/** A folder with these entries, by their paths. */
export function folderOf(t: Owner, contents: Readonly<Record<string, Content>>): string {
  const path = mkdtempSync(join(tmpdir(), 'dstore-tree-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  fill(path, contents)
  return path
}

export function fill(path: string, contents: Readonly<Record<string, Content>>): void {
  for (const [name, content] of Object.entries(contents)) {
    const at = join(path, name)
    mkdirSync(dirname(at), { recursive: true })
    if (content === null) mkdirSync(at)
    else if (typeof content === 'string') writeFileSync(at, content)
    else if ('to' in content) symlinkSync(content.to, at)
    else {
      writeFileSync(at, content.exec)
      chmodSync(at, 0o755)
    }
  }
}
