/** The entries of a tar file, as those of a tree (R007-277, R007-278). */
import { DstoreError } from '../../../src/errors.ts'
import { shown, type StreamEntry } from '../../../src/tree/build/entry-stream.ts'
import { readTar, type TarEntry } from '../../archive/tar-entries.ts'

/** The bit by which `put` of a folder takes a file for executable. */
const OWNER_EXECUTES = 0o100

/**
 * The entries in their order. Errors: `usage` for one that a directory can't hold; `unreadable` for
 * a damaged archive, when everything before the damage has been read.
 */
export async function* readEntries(
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<StreamEntry, void, undefined> {
  for await (const entry of readTar(archive, signal)) yield entryOf(entry)
}

function entryOf({ path: text, type, size, mode, link, bytes }: TarEntry): StreamEntry {
  const path = pathOf(text, text)
  switch (type) {
    case 'file':
      return { path, type, size, executable: (mode & OWNER_EXECUTES) !== 0, bytes }
    case 'directory':
      return { path, type }
    case 'symlink':
      return { path, type: 'link', target: link }
    case 'hard link':
      return { path, type: 'same', as: pathOf(link, text) }
    default:
      throw new DstoreError('usage', `${shown(text)} is a ${type}`, {
        hint: 'a directory holds files, folders and links: leave it out with --exclude of tar',
      })
  }
}

/** The names in a path, joined by one slash each; tar writes `./a` and `a/` for `a`. */
function pathOf(path: string, entry: string): string {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  if (!path.startsWith('/') && !names.includes('..')) return names.join('/')
  throw new DstoreError('usage', `${shown(entry)} is outside the archive`, {
    hint: 'make the archive from within its folder: tar c -C DIR .',
  })
}
