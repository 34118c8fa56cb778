/**
 * Permissions of the state directory: for its user, and the group of the socket, if any (R007-69).
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, statSync } from 'node:fs'
import { systemFault } from '../../errno.ts'
import { DstoreError } from '../../errors.ts'
import { faultOf } from '../../store/disk/faults.ts'
import { checkGroup } from '../config/settings.ts'
import type { StateDirectory } from '../config/state-directory.ts'

/** Restricts the directory to its user and this group. */
export function closeDirectory({ path }: StateDirectory, group: string | undefined): void {
  if (group !== undefined) giveToGroup(path, group)
  const mode = group === undefined ? 0o700 : 0o750
  if ((statSync(path).mode & 0o777) !== mode) chmodSync(path, mode)
}

/** Changes the group of a file. `usage` if it does not exist or the user is not in it. */
export function giveToGroup(path: string, group: string): void {
  try {
    // Node cannot look up groups by name, and systems keep them in more places than /etc/group.
    execFileSync('chgrp', ['--', checkGroup(group), path], { stdio: 'ignore' })
  } catch (cause) {
    if (cause instanceof DstoreError) throw cause
    // chgrp did not run at all.
    if (systemFault(cause) !== undefined) throw faultOf(cause, `give ${path} to the group ${group}`)
    throw new DstoreError('usage', `there is no group ${group}, or you are not of it`, { cause })
  }
}
