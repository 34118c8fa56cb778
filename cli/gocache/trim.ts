/**
 * Bounds the folder of outputs: what was not used for days goes, and beyond a size what was used
 * least recently (specs/010-doors.md, R010-46).
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** What was not used for this long is deleted, as by the go command itself: in milliseconds. */
const UNUSED_MS = 5 * 86_400_000

/** How often the folder is looked through, if it is not too large. */
const INTERVAL_MS = 86_400_000

/** Another go command may be using what was used so lately. */
const IN_USE_MS = 3_600_000

/** How long the links of a process that has ended are there: for what `go list -export` named. */
const LINKS_MS = 3_600_000

/** After it was too large, this part of its bound is left. */
const LEFT = 0.9

export interface TrimOptions {
  readonly maxBytes: number
  /** Bytes added since the last call. */
  readonly addedBytes: number
  /** In milliseconds since 1970. */
  readonly now?: number
}

interface Found {
  readonly path: string
  readonly size: number
  readonly usedAt: number
  readonly isOutput: boolean
}

/** The folder of links of a process. */
const RUN_FOLDER = /^run-(\d+)-/

/** Deletes what is too old or too much, if it is time to look. True if it looked. */
export async function trim(
  folder: string,
  { maxBytes, addedBytes, now = Date.now() }: TrimOptions,
): Promise<boolean> {
  await removeLinks(folder, now)
  const state = join(folder, 'trim.txt')
  const { at, bytes } = stateIn(state)
  const total = bytes + addedBytes
  const isDue = now - at > INTERVAL_MS || at > now || total > maxBytes
  // First, so that of several processes one looks.
  writeState(state, { at: isDue ? now : at, bytes: isDue ? 0 : total })
  if (!isDue) return false
  const found = (await Promise.all((await filesIn(folder)).map(statOf)))
    .filter((one) => one !== undefined)
    .toSorted((a, b) => a.usedAt - b.usedAt)
  let left = found.reduce((sum, { size }) => sum + size, 0)
  const bound = left > maxBytes ? maxBytes * LEFT : maxBytes
  for (const { path, size, usedAt, isOutput } of found) {
    const unusedMs = now - usedAt
    const isTooMuch = left > bound && isOutput && unusedMs > IN_USE_MS
    if (unusedMs <= UNUSED_MS && !isTooMuch) continue
    await rm(path, { force: true })
    left -= size
  }
  writeState(state, { at: now, bytes: left })
  return true
}

/** Outputs, actions, and what processes left unfinished. */
async function filesIn(folder: string): Promise<string[]> {
  const files: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.name.startsWith('tmp-')) files.push(path)
    else if (/^[0-9a-f]{2}$/.test(entry.name) && entry.isDirectory()) {
      for (const name of await readdir(path)) files.push(join(path, name))
    }
  }
  return files
}

/** Removes the links of processes that ended a while ago. */
async function removeLinks(folder: string, now: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, pid] = RUN_FOLDER.exec(name) ?? []
    if (pid === undefined || isAlive(Number(pid))) continue
    const path = join(folder, name)
    const found = await stat(path).catch(() => undefined)
    if (found === undefined || now - found.mtimeMs < LINKS_MS) continue
    await rm(path, { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function statOf(path: string): Promise<Found | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true) return undefined
  return { path, size: found.size, usedAt: found.mtimeMs, isOutput: path.endsWith('-d') }
}

interface State {
  /** When the folder was last looked through, in milliseconds since 1970. */
  readonly at: number
  /** About what it has. */
  readonly bytes: number
}

function stateIn(path: string): State {
  try {
    const match = /^(\d{1,16}) (\d{1,16})\n$/.exec(readFileSync(path, 'latin1'))
    if (match !== null) return { at: Number(match[1]), bytes: Number(match[2]) }
  } catch {
    // A new folder.
  }
  return { at: 0, bytes: 0 }
}

function writeState(path: string, { at, bytes }: State): void {
  writeFileSync(path, `${at} ${bytes}\n`, { mode: 0o600 })
}
