/**
 * Which processes own the folders of nodes on shared memory. A killed node leaves its files, which
 * take memory; if its state directory is deleted, as of a container or a test, it never returns.
 */
import { lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file in the folder of a node. */
const OWNER_FILE = 'owner'

const NODE_FOLDER = /^node-\w+$/

/** A folder that is being deleted: no node uses it under this name. */
const ENDED_FOLDER = /^ended-\w+$/

/** A start deletes for no longer; the next one continues. */
const DELETING_MS = 1000

/** A node says whose its folder is as soon as it is made. */
const UNTOLD_MS = 3_600_000

/** A process, so that no other is taken for it, in another namespace or after a restart. */
interface Owner {
  readonly pid: number
  /** When it started, in ticks since the system did. */
  readonly started: string
  /** The namespace that gave its id. */
  readonly namespace: string
  /** The boot of the system. */
  readonly boot: string
}

/** Makes the folder of a node, in one that is there, and says in it that it is of this process. */
export function takeFolder(folder: string): void {
  mkdirSync(folder, { mode: 0o700 })
  const owner = processOf('self')
  if (owner === undefined) return
  writeFileSync(join(folder, OWNER_FILE), JSON.stringify(owner), { mode: 0o600 })
}

/** Nothing says any more whose the folder is. */
export function leaveFolder(folder: string): void {
  rmSync(join(folder, OWNER_FILE), { force: true })
}

/**
 * Deletes the folders of nodes whose process certainly ended, for at most a second (R003-157): it
 * ran in the namespace of this one, which would see it, or before the system started. So are those
 * that have been without an owner for an hour.
 */
export function deleteOwnerless(folder: string, deletingMs: number = DELETING_MS): void {
  const own = processOf('self')
  if (own === undefined) return
  const endMs = performance.now() + deletingMs
  for (const name of readdirSync(folder)) {
    if (performance.now() >= endMs) return
    try {
      deleteIfEnded(folder, name, own)
    } catch {
      // Another node deletes it, or it cannot be deleted.
    }
  }
}

function deleteIfEnded(folder: string, name: string, own: Owner): void {
  const path = join(folder, name)
  const isEnded = ENDED_FOLDER.test(name)
  if (!isEnded && !(NODE_FOLDER.test(name) && hasEnded(path, own))) return
  // The node may start again while its files are deleted: it makes another folder then.
  const ended = join(folder, name.replace(/^node/, 'ended'))
  if (!isEnded) {
    rmSync(ended, { recursive: true, force: true })
    renameSync(path, ended)
  }
  rmSync(ended, { recursive: true, force: true })
}

function hasEnded(folder: string, own: Owner): boolean {
  const owner = ownerOf(folder)
  if (owner === undefined) return Date.now() - lstatSync(folder).mtimeMs > UNTOLD_MS
  if (owner.boot !== own.boot) return true
  return owner.namespace === own.namespace && processOf(owner.pid)?.started !== owner.started
}

function ownerOf(folder: string): Owner | undefined {
  try {
    const found = JSON.parse(readFileSync(join(folder, OWNER_FILE), 'utf8')) as Partial<Owner>
    const { pid, started, namespace, boot } = found
    const isText = [started, namespace, boot].every((one) => typeof one === 'string')
    return Number.isSafeInteger(pid) && isText ? (found as Owner) : undefined
  } catch {
    return undefined
  }
}

/** Undefined where there is no such process, and on systems that do not tell. */
function processOf(id: number | 'self'): Owner | undefined {
  try {
    const stat = readFileSync(`/proc/${id}/stat`, 'latin1')
    // The name of the program, in parentheses, may have spaces.
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    const namespace = readlinkSync('/proc/self/ns/pid')
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    const pid = Number.parseInt(stat, 10)
    return started === undefined ? undefined : { pid, started, namespace, boot }
  } catch {
    return undefined
  }
}
