/**
 * Brings database and files into agreement at the opening (specs/005-storage.md, "Rules: disk").
 */
import { dirname, join } from 'node:path'
import { meansNoFile } from '../../errno.ts'
import { DstoreError } from '../../errors.ts'
import { KIB } from '../../limits.ts'
import type { Platform } from '../../platform.ts'
import { SizeIndex } from '../size-index.ts'
import type { Location } from '../store.ts'
import type { ArchivedValues } from './archive.ts'
import { FoundFiles } from './archived/opening.ts'
import { Database, type DatabaseOptions, type StoredValue } from './records/database.ts'
import { faultOf } from './faults.ts'
import { refusePlain, refuseReplica, writeReplicaMark } from './follower/mark.ts'
import { takeOver } from './earlier-layout.ts'
import { FILE_MODE, type Files, SEALED_MODE } from './files.ts'
import { checkLmdbFile } from './records/lmdb-file.ts'
import { explained } from './records/short-write.ts'
import {
  type Layout,
  isForeign,
  parsePartialFile,
  parseValueFile,
  type ValueFileName,
} from './layout.ts'
import type { PartialUploads } from './staged/partial-uploads.ts'

/** Concurrent `stat` calls: enough to keep the threads of libuv busy. */
const CONCURRENT_CHECKS = 64

/** Free space that a new database must find: several times what LMDB writes first. */
const NEW_DATABASE_BYTES = 256 * KIB

/** LMDB's table of readers: more of them than a process has threads. */
const LOCK_BYTES = 16 * KIB

/** What the opening found, and whether it is to be brought to this layout. */
export interface Recovered {
  readonly recovery: Recovery
  /** Is an outboard behind its value, as in layout 1? */
  readonly hasOutboardsBehind: boolean
  readonly sizes: SizeIndex
  /** In a store with an archive. */
  readonly found: FoundFiles | undefined
}

/** What the opening found. */
export interface Recovery {
  /** Files that no record names, from interrupted puts and removals: deleted. */
  readonly deletedFiles: number
  /** Adopted values whose file is missing or has the wrong length: reads fail with `integrity`. */
  readonly damaged: readonly Location[]
}

/**
 * Takes over a store of an earlier layout, creates missing directories; refuses a later layout, and
 * a store whose journal is where it is not looked for.
 */
export async function prepare(files: Files, layout: Layout, asReplica: boolean): Promise<void> {
  await refuseForeign(files, layout)
  await (asReplica ? refusePlain(files, layout) : refuseReplica(files, layout))
  const isNew = await files.makeDirectory(layout.parent)
  if (isNew) await files.syncDirectory(dirname(layout.parent))
  else await takeOver(files, layout, async (earlier) => void (await checkRecords(files, earlier)))
  for (const path of [layout.root, layout.records, layout.values]) await files.makeDirectory(path)
  if (asReplica) await writeReplicaMark(files, layout)
  // Every time: an earlier run may have been killed after it created them.
  for (const path of [layout.parent, layout.root]) await files.syncDirectory(path)
}

/** Refuses a layout that this version cannot read. */
async function refuseForeign(files: Files, layout: Layout): Promise<void> {
  for (const name of await namesIn(files, layout.parent)) {
    if (isForeign(name)) {
      throw new DstoreError(
        'incompatible',
        `${layout.parent} holds ${name}, a layout that this version of dstore cannot read`,
        { hint: 'use the version of dstore that wrote it' },
      )
    }
  }
}

/**
 * Opens LMDB, whose files only this user may read, and makes their names durable. LMDB writes the
 * page that makes a commit valid to a descriptor with O_DSYNC. Where that leaves the page in the
 * cache of the drive, each commit is followed by a sync of the file (R005-63).
 */
export async function openDatabase(
  files: Files,
  layout: Layout,
  { flushesDrive }: Pick<Platform, 'flushesDrive'>,
): Promise<Database> {
  await checkLmdbFile(files, layout.data)
  const size = await files.size(layout.data)
  if (size === undefined || size === 0) await checkNew(files, layout)
  await allocateLock(files, layout)
  const flush = (): Promise<void> => files.syncFile(layout.data)
  const database = openLmdb(layout, flushesDrive ? {} : { flush })
  try {
    for (const path of [layout.data, layout.lock]) await files.setMode(path, FILE_MODE)
    await files.syncDirectory(layout.records)
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

/**
 * Opens the database of a store that no node serves, and changes nothing in it. Undefined if there
 * is no store, or an opening was interrupted before it had one. Errors: as for `openDatabase`.
 */
export async function openForReading(files: Files, layout: Layout): Promise<Database | undefined> {
  await refuseForeign(files, layout)
  if (!(await checkRecords(files, layout))) return undefined
  await allocateLock(files, layout)
  return openLmdb(layout, { readOnly: true })
}

/** Has the store records? Throws `integrity` if they are damaged, or lost while it has values. */
async function checkRecords(files: Files, layout: Layout): Promise<boolean> {
  const size = await files.size(layout.data)
  if (size !== undefined && size > 0) {
    await checkLmdbFile(files, layout.data)
    return true
  }
  for (const name of await namesIn(files, layout.values)) {
    if (parseValueFile(name)?.kind === 'value') throw recordsMissing(layout)
  }
  return false
}

function openLmdb(layout: Layout, options: DatabaseOptions): Database {
  try {
    return new Database(layout.records, options)
  } catch (thrown) {
    const error = explained(thrown, layout.data)
    const fault = faultOf(error, `open the records in ${layout.root}`)
    if (fault instanceof DstoreError) throw fault
    throw new DstoreError('integrity', `${layout.root} cannot be read`, { cause: error })
  }
}

/**
 * Writes LMDB's table of readers, if it is new. LMDB maps it: without room for it on the disk, or
 * beyond a limit on the size of files, opening would kill the process instead of failing.
 */
async function allocateLock(files: Files, { lock }: Layout): Promise<void> {
  const size = await files.size(lock)
  if (size !== undefined && size > 0) return
  const file = await (size === undefined ? files.create(lock) : files.append(lock, 0))
  try {
    for (let left = LOCK_BYTES; left > 0;) left -= await file.write(new Uint8Array(left))
  } catch (error) {
    await files.remove(lock).catch(() => undefined)
    throw error
  } finally {
    await file.close()
  }
}

/**
 * Value files without records mean that the records were lost: opening would delete the values. And
 * LMDB crashes where it cannot write the first pages of a database.
 */
async function checkNew(files: Files, layout: Layout): Promise<void> {
  for await (const name of files.list(layout.values)) {
    if (parseValueFile(name) === undefined) continue
    throw recordsMissing(layout)
  }
  if ((await files.freeBytes(layout.records)) >= NEW_DATABASE_BYTES) return
  throw Object.assign(new Error('no room for a database'), { code: 'ENOSPC' })
}

const recordsMissing = ({ root }: Layout): DstoreError =>
  new DstoreError('integrity', `${root} has values, but its records are missing`)

/** Records as of the end of the journal. */
type Records = Pick<Database, 'files' | 'value' | 'isDamaged'>

/** Deletes files that no record names, and finds records whose file is missing. */
export async function recover(
  files: Files,
  layout: Layout,
  records: Records,
  partials: PartialUploads,
  archived?: ArchivedValues,
): Promise<Recovered> {
  let deletedFiles = 0
  let named: ReadonlyMap<Location, StoredValue> | undefined
  const isNamed = (file: Location): StoredValue | undefined =>
    (named ??= replacementFiles(records)).get(file)
  // With an archive, few of the values may be on this disk: only these are looked at.
  const here = archived && new Set<string>()
  for await (const name of files.list(layout.values)) {
    here?.add(name)
    const id = parsePartialFile(name)
    const file = parseValueFile(name)
    if (id !== undefined ? await partials.restore(id) : file === undefined) continue
    if (file !== undefined && isKept(file, records, isNamed)) continue
    await files.remove(join(layout.values, name))
    deletedFiles++
  }
  await partials.trim()
  const damaged: Location[] = []
  let hasOutboardsBehind = false
  const sizes = new SizeIndex()
  const found = here && archived && new FoundFiles(files, layout, archived, here)
  let checks: Promise<void>[] = []
  const check = async (location: Location, value: StoredValue): Promise<void> => {
    const isGood = await (found?.check(value) ?? isWhole(files, layout, value))
    if (!isGood) damaged.push(location)
  }
  for (const { location, value } of records.files()) {
    if (records.isDamaged(location)) continue
    if (value.place === 'behind') hasOutboardsBehind = true
    sizes.add(location, value.size)
    checks.push(check(location, value))
    if (checks.length < CONCURRENT_CHECKS) continue
    await Promise.all(checks)
    checks = []
  }
  await Promise.all(checks)
  return { recovery: { deletedFiles, damaged }, hasOutboardsBehind, sizes, found }
}

/** Have the files of a value the right lengths? Cuts one that a move of its outboard left long. */
async function isWhole(
  files: Files,
  layout: Layout,
  { size, outboardBytes, file, place }: StoredValue,
): Promise<boolean> {
  const path = layout.valueFile(file)
  const length = await files.size(path)
  if (place === 'behind') return length === size + outboardBytes
  if (place === 'file' && (await files.size(layout.outboardFile(file))) !== outboardBytes) {
    return false
  }
  if (length !== size && length === size + outboardBytes) {
    // If the disk refuses, the value is as good, and the next opening finds the same.
    await files.cut(path, size, SEALED_MODE).catch(() => undefined)
    return true
  }
  return length === size
}

/** The values that replaced damaged ones, by their files: few. */
function replacementFiles(records: Records): ReadonlyMap<Location, StoredValue> {
  const named = new Map<Location, StoredValue>()
  for (const { location, value } of records.files()) {
    if (value.file !== location) named.set(value.file, value)
  }
  return named
}

function isKept(
  { location, kind }: ValueFileName,
  records: Records,
  isNamed: (file: Location) => StoredValue | undefined,
): boolean {
  if (kind === 'part') return false
  if (kind === 'damaged') return records.isDamaged(location)
  const own = records.value(location)
  const value = own?.small === undefined && own?.file === location ? own : isNamed(location)
  return value !== undefined && (kind === 'value' || value.place === 'file')
}

async function namesIn(files: Files, path: string): Promise<readonly string[]> {
  const names: string[] = []
  try {
    for await (const name of files.list(path)) names.push(name)
  } catch (error) {
    if (!meansNoFile(error)) throw error
  }
  return names
}
