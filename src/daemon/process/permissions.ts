/** Who may enter a state directory: its user, and the group that may use the socket, where there is one (R007-69). */
import { execFileSync } from 'node:child_process'
import { chmodSync, statSync } from 'node:fs'
import { DstoreError } from '../../errors.ts'
import { checkGroup } from '../config/group.ts'
import type { StateDirectory } from '../config/state-directory.ts'

/** Close the directory to everybody but its user, and this group. */
export function closeDirectory({ path }: StateDirectory, group: string | undefined): void {
  if (group !== undefined) giveToGroup(path, group)
  const mode = group === undefined ? 0o700 : 0o750
  if ((statSync(path).mode & 0o777) !== mode) chmodSync(path, mode)
}

/** Give a file or directory to a group. `usage` where there is no such group, or its user is not of it. */
export function giveToGroup(path: string, group: string): void {
  try {
    // The system's own command: Node knows no groups by name, and names are kept in more places than /etc/group.
    execFileSync('chgrp', ['--', checkGroup(group), path], { stdio: 'ignore' })
  } catch (cause) {
    if (cause instanceof DstoreError) throw cause
    throw new DstoreError('usage', `there is no group ${group}, or you are not of it`, { cause })
  }
}
