/** A filesystem, files of a journal and a database of which one call, the nth, goes wrong. */
import type { Database } from '../../../src/store/disk/records/database.ts'
import {
  type JournalFile,
  type JournalFiles,
  nodeJournalFiles,
} from '../../../src/journal/file/files.ts'
import { type Files, type WritableFile, nodeFiles } from '../../../src/store/disk/files.ts'

/**
 * How the call fails: refused with this errno; `flush`, only for the sync after a commit: refused;
 * `cut`, only for writes: half of it is written and the rest refused; `late`, only for
 * transactions of LMDB and writes of the journal: done, then reported as failed; `kill`: neither it
 * nor any later call reaches the disk.
 */
export type Fault = 'EIO' | 'ENOSPC' | 'flush' | 'cut' | 'late' | 'kill'

/** The kinds of call that the fault is for. */
const ONLY: Readonly<Partial<Record<Fault, readonly string[]>>> = {
  flush: ['syncFile', 'journal.sync'],
  cut: ['write', 'journal.write'],
  late: ['transact', 'journal.write'],
}

const ERRNO: Readonly<Record<Fault, string>> = {
  EIO: 'EIO',
  ENOSPC: 'ENOSPC',
  flush: 'EIO',
  cut: 'ENOSPC',
  late: 'EIO',
  kill: 'EIO',
}

export class Faulty {
  readonly #fault: Fault
  /** Calls until the one that goes wrong; below 0 it has happened, or never will. */
  #left: number
  readonly #only: readonly string[] | undefined
  /** What went wrong. */
  hit: string | undefined

  /** `only` limits the fault to these kinds of call. */
  constructor(fault: Fault, at: number, only: readonly string[] | undefined = ONLY[fault]) {
    this.#fault = fault
    this.#left = at
    this.#only = only
  }

  readonly files: Files = {
    makeDirectory: (path) => this.#call('makeDirectory', () => nodeFiles.makeDirectory(path)),
    list: (path) => this.#list(path),
    create: (path) =>
      this.#call('create', async () => this.#writable(await nodeFiles.create(path))),
    append: (path, size) =>
      this.#call('append', async () => this.#writable(await nodeFiles.append(path, size))),
    writtenAt: (path) => this.#call('writtenAt', () => nodeFiles.writtenAt(path)),
    open: (path) =>
      this.#call('open', async () => {
        const file = await nodeFiles.open(path)
        return {
          read: (into, position) => this.#call('read', () => file.read(into, position)),
          close: () => this.#afterwards('close', () => file.close()),
        }
      }),
    size: (path) => this.#call('size', () => nodeFiles.size(path)),
    identity: (path) => {
      this.#count('identity')
      return nodeFiles.identity(path)
    },
    lengthen: (path, size) => this.#call('lengthen', () => nodeFiles.lengthen(path, size)),
    cut: (path, size, mode) => this.#call('cut', () => nodeFiles.cut(path, size, mode)),
    rename: (from, to) => this.#call('rename', () => nodeFiles.rename(from, to)),
    remove: (path) => this.#call('remove', () => nodeFiles.remove(path)),
    removeDirectory: (path) => this.#call('removeDirectory', () => nodeFiles.removeDirectory(path)),
    setMode: (path, mode) => this.#call('setMode', () => nodeFiles.setMode(path, mode)),
    syncDirectory: (path) => this.#call('syncDirectory', () => nodeFiles.syncDirectory(path)),
    syncFile: (path) => this.#call('syncFile', () => nodeFiles.syncFile(path)),
    freeBytes: (path) => this.#call('freeBytes', () => nodeFiles.freeBytes(path)),
  }

  /** The journal's, each named after `journal.`. */
  readonly journalFiles: JournalFiles = {
    makeDirectory: (path) =>
      this.#call('journal.makeDirectory', () => nodeJournalFiles.makeDirectory(path)),
    list: (path) => this.#call('journal.list', () => nodeJournalFiles.list(path)),
    create: (path) => this.#journalFile('create', path),
    open: (path) => this.#journalFile('open', path),
    openDurable: (path) => this.#journalFile('openDurable', path),
    rename: (from, to) => this.#call('journal.rename', () => nodeJournalFiles.rename(from, to)),
    remove: (path) => this.#call('journal.remove', () => nodeJournalFiles.remove(path)),
    syncDirectory: (path) =>
      this.#call('journal.syncDirectory', () => nodeJournalFiles.syncDirectory(path)),
  }

  async #journalFile(how: 'create' | 'open' | 'openDurable', path: string): Promise<JournalFile> {
    const file = await this.#call(`journal.${how}`, () => nodeJournalFiles[how](path))
    return {
      size: () => this.#call('journal.size', () => file.size()),
      read: (into, position) => this.#call('journal.read', () => file.read(into, position)),
      write: async (bytes, position) => {
        if (this.#fault === 'cut' && this.#left === 0 && bytes.byteLength > 1) {
          // The next call is the rest of it, and is refused.
          return file.write(bytes.subarray(0, bytes.byteLength >> 1), position)
        }
        if (this.#fault !== 'late') {
          return this.#call('journal.write', () => file.write(bytes, position))
        }
        const written = await file.write(bytes, position)
        this.#count('journal.write')
        return written
      },
      sync: () => this.#call('journal.sync', () => file.sync()),
      close: () => this.#afterwards('journal.close', () => file.close()),
    }
  }

  /** Commits fail too: before anything is written. */
  readonly database = (opened: Database): Database =>
    new Proxy(opened, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown
        if (typeof member !== 'function') return member
        const bound = member.bind(target) as (...args: unknown[]) => Promise<unknown>
        if (name !== 'transact') return bound
        return async (write: unknown) => {
          if (this.#fault !== 'late') return this.#call('transact', () => bound(write))
          const result = await bound(write)
          this.#count('transact')
          return result
        }
      },
    })

  async *#list(path: string): AsyncGenerator<string> {
    await this.#call('list', async () => undefined)
    yield* nodeFiles.list(path)
  }

  #writable(file: WritableFile): WritableFile {
    return {
      write: async (bytes) => {
        if (this.#fault === 'cut' && this.#left === 0 && bytes.byteLength > 1) {
          // The next call is the rest of it, and is refused.
          return file.write(bytes.subarray(0, bytes.byteLength >> 1))
        }
        return this.#call('write', () => file.write(bytes))
      },
      copyFrom: (content, onWritten) =>
        this.#call('copyFrom', () => file.copyFrom(content, onWritten)),
      setMode: (mode) => this.#call('file.setMode', () => file.setMode(mode)),
      sync: () => this.#call('sync', () => file.sync()),
      close: () => this.#afterwards('close', () => file.close()),
    }
  }

  async #call<T>(name: string, act: () => Promise<T>): Promise<T> {
    this.#count(name)
    return act()
  }

  /** A close that fails has closed all the same. */
  async #afterwards(name: string, act: () => Promise<void>): Promise<void> {
    await act()
    this.#count(name)
  }

  #count(name: string): void {
    if (this.#only !== undefined && !this.#only.includes(name)) return
    const left = this.#left--
    if (left > 0 || (left < 0 && this.#fault !== 'kill')) return
    this.hit ??= name
    const code = ERRNO[this.#fault]
    throw Object.assign(new Error(`${code}: injected into ${name}`), { code })
  }
}
