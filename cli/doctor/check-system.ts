/** Checks of the machine: disk, memory and open files (R007-139 to R007-141). No I/O. */
import { GIB, MIB } from '../../src/limits.ts'
import { DISK_RESERVE_BYTES } from '../../src/store/disk/free-space.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import type { DescriptorFacts, Facts } from './facts.ts'
import { roleOf, settingsOf, statusOf } from './facts.ts'
import type { Finding } from './finding.ts'
import { reportOn } from './finding.ts'
import { quoted } from './words.ts'

/** Less than this beyond the reserve is reported, while it still works. */
const LITTLE_DISK_BYTES = 256 * MIB

/** Fewer free inodes than this are reported. */
const FEW_FILES = 1000

const REMOVE = 'remove values with `dstore rm KEY`'
const MAKE_ROOM = `${REMOVE}, or other files`

export function checkDisk(facts: Facts): readonly Finding[] {
  const on = reportOn('disk')
  const { disk, path, directory } = facts
  const there = 'value' in directory ? directory.value : undefined
  if (there?.state === 'there' && there.unwritable === 'EROFS') {
    return [
      on.problem(
        'disk-read-only',
        `the filesystem of ${path} is read-only`,
        `\`mount -o remount,rw "$(df --output=target ${quoted(path)} | tail -n 1)"\``,
      ),
    ]
  }
  if ('why' in disk) return [on.unknown(disk.why)]
  const { freeBytes, totalBytes, freeFiles, totalFiles } = disk.value
  const room = `${formatSize(freeBytes)} of ${formatSize(totalBytes)} free`
  const found: Finding[] = []
  const holdsNoValues = roleOf(facts) === 'local' || settingsOf(facts).store === 'memory'
  const usable = freeBytes - DISK_RESERVE_BYTES
  const df = `\`df -h ${quoted(path)}\` shows the filesystem; ${holdsNoValues ? 'remove other files' : MAKE_ROOM}`
  if (usable <= 0 && !holdsNoValues) {
    const why = `puts fail below ${formatSize(DISK_RESERVE_BYTES)}`
    found.push(on.problem('disk-full', `the disk is full: ${room}; ${why}`, df))
  } else if (freeBytes < MIB) {
    found.push(on.problem('disk-full', `the disk is full: ${room}`, df))
  } else if (usable < LITTLE_DISK_BYTES && !holdsNoValues) {
    found.push(on.warning('disk-low', `the disk is nearly full: ${room}`, df))
  }
  if (totalFiles > 0 && freeFiles < FEW_FILES) {
    const text = `${freeFiles} of ${totalFiles} inodes are free`
    const remedy = `\`df -i ${quoted(path)}\` shows them; remove small files`
    found.push(
      freeFiles === 0
        ? on.problem('inodes-full', text, remedy)
        : on.warning('inodes-low', text, remedy),
    )
  }
  found.push(...quota(facts, usable), ...cachedFiles(facts))
  return found.length > 0 ? found : [on.ok(room)]
}

/** The store's own limit, where that and not the disk bounds it. */
function quota(facts: Facts, usableBytes: number): readonly Finding[] {
  const on = reportOn('disk')
  const { store, archive } = statusOf(facts) ?? {}
  const headroom = store?.headroomBytes
  const maxBytes = archive === undefined ? settingsOf(facts).maxBytes : archive.disk?.budgetBytes
  if (headroom === undefined || maxBytes === undefined || headroom >= usableBytes) return []
  if (archive !== undefined) {
    // Copies are evicted: it is full only where none may be.
    if (headroom > 0) return []
    const full = `no large value fits into the ${formatSize(maxBytes)} that they may take on the disk`
    const more = '`dstore stop`, then `dstore start --disk-size SIZE`'
    const raise = `wait until the first copy is complete and reads end, or ${more}`
    return [on.problem('quota-full', full, raise)]
  }
  const text = `${formatSize(headroom)} of the quota of ${formatSize(maxBytes)} is left`
  const remedy = `${REMOVE}, or \`dstore stop\`, then \`dstore start --max-size SIZE\``
  if (headroom === 0) return [on.problem('quota-full', text, remedy)]
  return headroom < maxBytes / 20 ? [on.warning('quota-low', text, remedy)] : []
}

/** Files of the cache: is there room for what they may take, or why are there none? */
function cachedFiles(facts: Facts): readonly Finding[] {
  const on = reportOn('disk')
  const { files, noFiles } = statusOf(facts)?.cache ?? {}
  const restart = '`dstore stop`, then `dstore start'
  if (noFiles !== undefined && settingsOf(facts).cacheDir !== 'none') {
    const remedy = `${restart} --cache-dir DIR --cache-dir-size SIZE\`, for values larger than memory`
    return [on.note('cached-files-none', `no values are cached in files: ${noFiles}`, remedy)]
  }
  const { cacheDisk } = facts
  if (files?.budgetBytes === undefined || cacheDisk === undefined) return []
  if ('why' in cacheDisk) return [on.unknown(cacheDisk.why)]
  const { budgetBytes, usedBytes, directory } = files
  const room = cacheDisk.value.freeBytes + usedBytes
  if (room >= budgetBytes) return []
  const text =
    `cached files may take ${formatSize(budgetBytes)}, and ${directory} has room for ` +
    formatSize(room)
  const smaller = formatSize(Math.max(MIB, Math.floor((room * 0.9) / MIB) * MIB))
  return [on.warning('cached-files-large', text, `${restart} --cache-dir-size ${smaller}\``)]
}

/** The memory of a small machine: a node runs in it, but not much besides. */
const LITTLE_MEMORY_BYTES = 192 * MIB

export function checkMemory(facts: Facts): readonly Finding[] {
  const on = reportOn('memory')
  const { memory } = facts
  if ('why' in memory) return [on.unknown(memory.why)]
  const { totalBytes, availableBytes, limitBytes = Infinity } = memory.value
  const bound = Math.min(totalBytes, limitBytes)
  const whose = limitBytes < totalBytes ? 'its control group allows' : 'this machine has'
  const size = formatSize(bound)
  const { budgetBytes: inMemory, files } = statusOf(facts)?.cache ?? {}
  // Files in shared memory are memory: of their own, or within the cache.
  const ofFiles = files?.kind === 'shared-memory' ? (files.budgetBytes ?? 0) : 0
  const cache = inMemory === undefined ? settingsOf(facts).cacheBytes : inMemory + ofFiles
  const found: Finding[] = []
  if (roleOf(facts) === 'local' && cache !== undefined && cache > bound / 2) {
    const smaller = formatSize(Math.max(MIB, Math.floor(bound / 4 / MIB) * MIB))
    const text = `the cache may take ${formatSize(cache)} of the ${size} of memory that ${whose}`
    const remedy = `\`dstore stop\`, then \`dstore start --cache ${smaller}\``
    const isTooMuch = cache > bound * 0.8
    found.push(
      isTooMuch
        ? on.problem('cache-too-large', text, remedy)
        : on.warning('cache-large', text, remedy),
    )
  }
  if (bound < LITTLE_MEMORY_BYTES) {
    found.push(
      on.warning(
        'memory-small',
        `${size} of memory is little for a node`,
        `allow ${formatSize(GIB / 4)} or more: \`docker run --memory\`, or MemoryMax= of systemd`,
      ),
    )
  }
  if (found.length > 0) return found
  const limit = Number.isFinite(limitBytes) ? `, limited to ${formatSize(limitBytes)}` : ''
  return [on.ok(`${formatSize(availableBytes)} of ${formatSize(totalBytes)} available${limit}`)]
}

/** Below this, connections and files fail under load; below that, soon. */
const ENOUGH_DESCRIPTORS = 1024
const FEW_DESCRIPTORS = 256

export function checkDescriptors(facts: Facts): readonly Finding[] {
  const on = reportOn('descriptors')
  const { descriptors, daemonDescriptors } = facts
  const found: Finding[] = []
  const shell = 'raise the limit of this shell with `ulimit -n 4096`'
  const daemon =
    '`ulimit -n 4096`, `dstore stop`, then `dstore start`; for a systemd service, LimitNOFILE=65536'
  const check = (whose: string, id: string, facts: DescriptorFacts, remedy: string): void => {
    const { soft, hard, used } = facts
    const text = `${whose} may open ${soft} files (hard limit ${limitText(hard)})`
    if (soft < FEW_DESCRIPTORS) found.push(on.problem(id, `${text}, too few`, remedy))
    else if (used !== undefined && used > soft * 0.9) {
      found.push(on.problem(`${id}-used`, `${text}, and has ${used} open`, remedy))
    } else if (soft < ENOUGH_DESCRIPTORS) {
      found.push(on.warning(id, `${text}; ${ENOUGH_DESCRIPTORS} or more are better`, remedy))
    }
  }
  if ('value' in descriptors) check('this shell', 'descriptors-shell', descriptors.value, shell)
  if (daemonDescriptors !== undefined && 'value' in daemonDescriptors) {
    check('the daemon', 'descriptors-daemon', daemonDescriptors.value, daemon)
  }
  const unknown = [descriptors, daemonDescriptors ?? descriptors].find((fact) => 'why' in fact)
  if (unknown !== undefined && 'why' in unknown) found.push(on.unknown(unknown.why))
  if (found.length > 0) return found
  const [own, other] = [descriptors, daemonDescriptors].map((fact) =>
    fact !== undefined && 'value' in fact ? limitText(fact.value.soft) : undefined,
  )
  return [on.ok(`${own} for this shell${other === undefined ? '' : `, ${other} for the daemon`}`)]
}

const limitText = (limit: number): string => (Number.isFinite(limit) ? String(limit) : 'unlimited')
