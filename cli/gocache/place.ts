/** Where the outputs of the go command lie on this machine. */
import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { DstoreError } from '../../src/errors.ts'

/**
 * A folder for each state directory: an output that one store has, another may lack. In the XDG
 * cache directory; throws `usage` for a user without one.
 */
export function outputsFolder(
  stateDirectory: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const id = createHash('sha256').update(stateDirectory).digest('hex').slice(0, 16)
  return join(cacheDirectory(environment), 'dstore', 'gocache', id)
}

function cacheDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  const xdg = environment['XDG_CACHE_HOME']
  // The XDG specification ignores relative paths.
  if (xdg?.startsWith('/') === true) return xdg
  let home = ''
  try {
    home = homedir()
  } catch {
    // The user has no entry in the password file, as in containers.
  }
  if (home.startsWith('/')) return join(home, '.cache')
  throw new DstoreError('usage', 'there is no home directory to keep outputs in', {
    hint: 'set XDG_CACHE_HOME to a folder',
  })
}
