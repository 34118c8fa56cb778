/** Keeps a node from becoming a Local in a directory whose store would then not be served. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { layoutIn } from '../../store/disk/earlier-layout.ts'
import { nodeFiles } from '../../store/disk/files.ts'
import { ReadOnlyStore, type StoreContents } from '../../store/disk/read-only-store.ts'
import { formatContents } from './quantities.ts'

const CHOICES =
  '`dstore join --with-data TICKET` uploads them to Global, `--without-data` leaves them here; ' +
  'or join in another --dir; or make a copy first: `dstore export -o FILE.tar`'

const UNREADABLE_CHOICES =
  '`dstore join --without-data TICKET` joins and leaves the store here; or join in another --dir'

/**
 * Throws `conflict` if the directory, which is locked, has a store with values or names (R007-146).
 * Not if a Local ran in it since the store was last served: then the user has decided before.
 */
export async function refuseToHide(directory: string, choices?: string): Promise<void> {
  if (await wasLocal(directory)) return
  let contents: StoreContents | undefined
  try {
    const store = await ReadOnlyStore.open(directory)
    contents = store?.contents
    await store?.close()
  } catch (error) {
    const { message } = asDstoreError(error)
    throw new DstoreError('conflict', `a Local would not serve the store here: ${message}`, {
      cause: error,
      hint: choices ?? UNREADABLE_CHOICES,
    })
  }
  if (contents === undefined || contents.values + contents.names === 0) return
  const message = `this directory has a store with ${formatContents(contents)}, which a Local does not serve`
  throw new DstoreError('conflict', message, { hint: choices ?? CHOICES })
}

/**
 * A Local writes the addresses of its Global; a node that serves the store its journal at once, and
 * its records later. A store of an earlier layout has only these.
 */
async function wasLocal(directory: string): Promise<boolean> {
  const { data, journal } = await layoutIn(nodeFiles, directory)
  const files = await readdir(journal).catch(() => [])
  const local = await writtenAt(join(directory, 'global.json'))
  const served = [await writtenAt(data)]
  for (const name of files) served.push(await writtenAt(join(journal, name)))
  return served[0]! > 0 && local > Math.max(...served)
}

/** In ms; 0 if there is no such file. */
async function writtenAt(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
}
