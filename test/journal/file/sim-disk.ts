/**
 * A disk in memory: what was synced survives a power cut, and of the rest any sectors and any
 * names. Calls can be made to fail, and to be the last ones of a process.
 */
import { basename, dirname } from 'node:path'
import type { JournalFile, JournalFiles } from '../../../src/journal/file/files.ts'

/** A write that may not have reached the medium, in any of its sectors. */
interface Pending {
  readonly at: number
  readonly bytes: Uint8Array
}

interface Inode {
  /** As a process reads it. */
  cached: Uint8Array
  /** On the medium. */
  durable: Uint8Array
  pending: Pending[]
}

type Names = Map<string, Inode>

/** Undoes or repeats a change of a directory. */
type NameChange = (names: Names) => void

export interface SimFault {
  /** Calls until the one that fails. */
  left: number
  /** `end`: it and all later ones fail, the process is gone. `once`: it fails. `on`: all fail. */
  readonly kind: 'end' | 'once' | 'on'
  readonly code: 'EIO' | 'ENOSPC'
  /** Only calls of this name. */
  readonly only?: string
  hit: string | undefined
}

export interface SimDiskOptions {
  readonly random: () => number
  readonly sectorBytes: number
  /** Does a write that should be durable stay in the cache of the drive? */
  readonly needsSync?: boolean
}

export class SimDisk {
  readonly #options: SimDiskOptions
  #names: Names = new Map()
  #durableNames: Names = new Map()
  #changes: NameChange[] = []
  fault: SimFault | undefined
  /** How often each call was made. */
  readonly calls: Map<string, number> = new Map()

  constructor(options: SimDiskOptions) {
    this.#options = options
  }

  /** The files of one process. Those of an earlier one fail from now on. */
  files(): JournalFiles {
    const owner = (this.#owner = {})
    const call = async <T>(name: string, act: () => T, torn?: () => void): Promise<T> => {
      // Like a call of the kernel, it ends in another turn.
      await Promise.resolve()
      if (this.#owner !== owner) throw fail('EIO', name)
      this.#fail(name, torn)
      return act()
    }
    const inodeAt = (path: string): Inode => {
      const inode = this.#names.get(basename(path))
      if (inode === undefined) throw fail('ENOENT', path)
      return inode
    }
    const opened = (path: string, isDurable: boolean): JournalFile =>
      this.#file(inodeAt(path), isDurable, call)
    return {
      makeDirectory: () => call('makeDirectory', () => undefined),
      list: () => call('list', () => [...this.#names.keys()]),
      create: (path) =>
        call('create', () => {
          if (this.#names.has(basename(path))) throw fail('EEXIST', path)
          const empty = new Uint8Array(0)
          const inode = { cached: empty, durable: empty, pending: [] }
          this.#change((names) => names.set(basename(path), inode))
          return this.#file(inode, false, call)
        }),
      open: (path) => call('open', () => opened(path, false)),
      openDurable: (path) => call('openDurable', () => opened(path, true)),
      rename: (from, to) =>
        call('rename', () => {
          const inode = inodeAt(from)
          this.#change((names) => {
            names.delete(basename(from))
            names.set(basename(to), inode)
          })
        }),
      remove: (path) => call('remove', () => this.#change((names) => names.delete(basename(path)))),
      syncDirectory: (path) =>
        call('syncDirectory', () => {
          if (dirname(path) === '/') return
          this.#durableNames = new Map(this.#names)
          this.#changes = []
        }),
    }
  }

  #owner: object = {}

  /** The process is gone; what it wrote is in memory. */
  kill(): void {
    this.#owner = {}
    this.fault = undefined
  }

  /** The power is gone: of what was not synced, any part may be there. */
  powerCut(): void {
    this.kill()
    const { random } = this.#options
    const names = new Map(this.#durableNames)
    for (const change of this.#changes) if (random() < 0.5) change(names)
    this.#names = names
    this.#durableNames = new Map(names)
    this.#changes = []
    for (const inode of new Set(names.values())) {
      for (const pending of inode.pending) this.#tear(inode, pending)
      inode.pending = []
      inode.cached = Uint8Array.from(inode.durable)
    }
  }

  /** Bytes on the medium, of files by name. */
  get content(): ReadonlyMap<string, Uint8Array> {
    return new Map([...this.#names].map(([name, { cached }]) => [name, cached]))
  }

  /** Another disk with the same files, all durable. */
  copy(): SimDisk {
    const copy = new SimDisk(this.#options)
    for (const [name, { cached }] of this.#names) copy.put(name, cached)
    return copy
  }

  put(name: string, bytes: Uint8Array): void {
    const inode = { cached: Uint8Array.from(bytes), durable: Uint8Array.from(bytes), pending: [] }
    this.#names.set(name, inode)
    this.#durableNames.set(name, inode)
  }

  drop(name: string): void {
    this.#names.delete(name)
    this.#durableNames.delete(name)
  }

  /** Changes a file behind the journal's back. */
  damage(name: string, change: (bytes: Uint8Array) => void): void {
    const inode = this.#names.get(name)!
    change(inode.cached)
    inode.durable = Uint8Array.from(inode.cached)
  }

  #change(change: NameChange): void {
    change(this.#names)
    this.#changes.push(change)
  }

  #file(
    inode: Inode,
    isDurable: boolean,
    call: <T>(name: string, act: () => T, torn?: () => void) => Promise<T>,
  ): JournalFile {
    const sync = (): void => {
      inode.durable = Uint8Array.from(inode.cached)
      inode.pending = []
    }
    return {
      size: () => call('size', () => inode.cached.byteLength),
      read: (into, position) =>
        call('read', () => {
          const bytes = inode.cached.subarray(position, position + into.byteLength)
          into.set(bytes)
          return bytes.byteLength
        }),
      write: (given, at) => {
        const bytes = Uint8Array.from(given)
        const pending = { at, bytes }
        const act = (): number => {
          inode.cached = written(inode.cached, pending)
          if (isDurable && this.#options.needsSync !== true) {
            inode.durable = written(inode.durable, pending)
            // What was in the cache there is not in it any more.
            inode.pending = inode.pending.flatMap((one) => outside(one, pending))
          } else inode.pending.push(pending)
          return bytes.byteLength
        }
        return call('write', act, () => this.#tearWrite(inode, pending))
      },
      sync: () => call('sync', sync),
      close: async () => undefined,
    }
  }

  /** A failed write: some sectors are in the cache, and of those some on the medium. */
  #tearWrite(inode: Inode, { at, bytes }: Pending): void {
    const { sectorBytes, random } = this.#options
    for (let sector = 0; sector < bytes.byteLength; sector += sectorBytes) {
      if (random() < 0.5) continue
      const part = { at: at + sector, bytes: bytes.slice(sector, sector + sectorBytes) }
      inode.cached = written(inode.cached, part)
      inode.pending.push(part)
    }
  }

  #tear(inode: Inode, { at, bytes }: Pending): void {
    const { sectorBytes, random } = this.#options
    for (let sector = 0; sector < bytes.byteLength; sector += sectorBytes) {
      const kind = random()
      if (kind < 0.45) continue
      const part = bytes.slice(sector, sector + sectorBytes)
      if (kind > 0.9) part.forEach((_, i) => (part[i] = Math.floor(random() * 256)))
      inode.durable = written(inode.durable, { at: at + sector, bytes: part })
    }
  }

  #fail(name: string, torn?: () => void): void {
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1)
    const { fault } = this
    if (fault === undefined || (fault.only !== undefined && fault.only !== name)) return
    const left = fault.left--
    if (left > 0 || (left < 0 && fault.kind === 'once')) return
    fault.hit ??= name
    // The last call of a process may have been half done.
    if (left === 0) torn?.()
    throw fail(fault.code, name)
  }
}

function fail(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code, syscall: what })
}

/** What is left of a write beside a later one. */
function outside({ at, bytes }: Pending, later: Pending): Pending[] {
  const before = Math.max(0, Math.min(bytes.byteLength, later.at - at))
  const after = Math.max(0, Math.min(bytes.byteLength, later.at + later.bytes.byteLength - at))
  const parts = [
    { at, bytes: bytes.subarray(0, before) },
    { at: at + after, bytes: bytes.subarray(after) },
  ]
  return after <= before ? [{ at, bytes }] : parts.filter((part) => part.bytes.byteLength > 0)
}

function written(to: Uint8Array, { at, bytes }: Pending): Uint8Array {
  const all = new Uint8Array(Math.max(to.byteLength, at + bytes.byteLength))
  all.set(to)
  all.set(bytes, at)
  return all
}
