/**
 * A directory: a value that lists files, directories and symbolic links under their names
 * (specs/008-directories.md). This file has its form in memory; `encoder` and `reader` have its
 * bytes.
 */
/** A file below a directory. */
export interface FileEntry {
  readonly type: 'file'
  /** BLAKE3 of its bytes, 32 bytes. */
  readonly digest: Uint8Array
  /** Bytes. */
  readonly size: number
  readonly executable: boolean
}

/** A directory below a directory. */
export interface DirectoryEntry {
  readonly type: 'directory'
  /** BLAKE3 of the directory value, 32 bytes. */
  readonly digest: Uint8Array
  /** Bytes of all files below it. */
  readonly size: number
  /** Number of files below it; links do not count. */
  readonly files: number
}

/** A symbolic link, kept as text. */
export interface LinkEntry {
  readonly type: 'link'
  readonly target: string
}

export type Entry = FileEntry | DirectoryEntry | LinkEntry

/** Entries by name, in bytewise order of their UTF-8. */
export type Directory = ReadonlyMap<string, Entry>

/** What the entry of a directory in its parent says of it. */
export interface Totals {
  readonly size: number
  readonly files: number
}

/** Bytes and files of all that is below a directory. */
export function totalsOf(directory: Directory): Totals {
  let size = 0
  let files = 0
  for (const entry of directory.values()) {
    if (entry.type === 'link') continue
    size += entry.size
    files += entry.type === 'file' ? 1 : entry.files
  }
  return { size, files }
}
