/**
 * Which processes own the folders of nodes on shared memory. A killed node leaves its files, which
 * take memory; if its state directory is deleted, as of a container or a test, it never returns.
 */
import { mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file in the folder of a node. */
const OWNER_FILE = 'owner'

const NODE_FOLDER = /^node-\w+$/

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

/** Makes the folder of a node, and says in it that it is of this process. */
export function takeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const owner = processOf('self')
  if (owner === undefined) return
  writeFileSync(join(folder, OWNER_FILE), JSON.stringify(owner), { mode: 0o600 })
}

/** Nothing says any more whose the folder is. */
export function leaveFolder(folder: string): void {
  rmSync(join(folder, OWNER_FILE), { force: true })
}

/**
 * Deletes the folders of nodes whose process certainly ended: it ran in the namespace of this one,
 * which would see it.
 */
export function deleteOwnerless(folder: string): void {
  const own = processOf('self')
  if (own === undefined) return
  for (const name of readdirSync(folder)) {
    if (!NODE_FOLDER.test(name)) continue
    const owner = ownerOf(join(folder, name))
    if (owner === undefined || owner.namespace !== own.namespace) continue
    const isAlive = owner.boot === own.boot && processOf(owner.pid)?.started === owner.started
    if (!isAlive) rmSync(join(folder, name), { recursive: true, force: true })
  }
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
