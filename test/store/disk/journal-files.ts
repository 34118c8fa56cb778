/** The files of a journal, of which each write of an entry is seen before or after it is made. */
import {
  type JournalFile,
  type JournalFiles,
  nodeJournalFiles,
} from '../../../src/journal/file/files.ts'
import { JOURNAL_BLOCK_BYTES } from '../../../src/limits.ts'

export interface Watched {
  /** Called before an entry is written. */
  readonly onWrite?: () => void | Promise<void>
  /** Called before a segment is synced. */
  readonly onSync?: () => void | Promise<void>
}

export function watched({ onWrite, onSync }: Watched): JournalFiles {
  const watching = (file: JournalFile): JournalFile => ({
    ...file,
    write: async (bytes, position) => {
      // The first block is the segment's head.
      if (position >= JOURNAL_BLOCK_BYTES) await onWrite?.()
      return file.write(bytes, position)
    },
    sync: async () => {
      await onSync?.()
      await file.sync()
    },
  })
  return {
    ...nodeJournalFiles,
    openDurable: async (path) => watching(await nodeJournalFiles.openDurable(path)),
  }
}
