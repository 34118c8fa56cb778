/** What the extraction of a tree takes from its caller, and tells it. */

export interface TreeProgress {
  readonly doneFiles: number
  readonly totalFiles: number
  readonly doneBytes: number
  readonly totalBytes: number
}

export interface ExtractOptions {
  /** Ends the work with `cancelled`, and removes what is not complete. */
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
  readonly onProgress?: (progress: TreeProgress) => void
  /**
   * Locks a file that is open for writing, until it is closed; false if another process has locked
   * it. With it, the next call can tell and remove what a killed one left.
   */
  readonly lockFile?: (fd: number) => boolean
  /**
   * Makes all that was written to the file system of this path durable at once; false if it cannot.
   * Then each file is made durable by itself.
   */
  readonly syncAll?: (path: string) => Promise<boolean>
}

/** What was written. */
export interface Extracted {
  readonly files: number
  /** Of these files. */
  readonly bytes: number
}
