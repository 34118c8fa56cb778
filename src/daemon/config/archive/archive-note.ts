/**
 * The note in a state directory that its store has an archive (specs/011-archive.md, R011-82).
 * Settings can be deleted or overridden; a store that was archived must not silently stop to be.
 */
import { readFileSync, rmSync } from 'node:fs'
import { DstoreError } from '../../../errors.ts'
import { unreadableFile } from '../../../store/file/file-faults.ts'
import { replaceText } from '../../../store/file/text-file.ts'

export interface ArchiveNote {
  /** `s3://BUCKET/PREFIX` */
  readonly place: string
  /** A restore began, and what stands beside the store was not written yet. */
  readonly restoring?: boolean
}

const NOTE_BYTES = 4096

/** Undefined if there is none. Error: `unreadable`. */
export function readNote(path: string): ArchiveNote | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadableFile(path, error)
  }
  try {
    if (text.length > NOTE_BYTES) throw new Error('too long')
    const { place, restoring } = JSON.parse(text) as Record<string, unknown>
    if (typeof place !== 'string') throw new Error('no place')
    return { place, ...(restoring === true && { restoring }) }
  } catch (cause) {
    throw new DstoreError('unreadable', `${path} is damaged`, {
      cause,
      hint: 'it names the archive of this store: delete it, and give --archive PLACE again',
    })
  }
}

/** Resolves when it is durable. Error: `unwritable`. */
export const writeNote = (path: string, note: ArchiveNote): Promise<void> =>
  replaceText(path, `${JSON.stringify(note)}\n`)

/** The archive was left for good. */
export function dropNote(path: string): void {
  rmSync(path, { force: true })
}

/**
 * Throws `conflict` unless the store may run with this archive, or with none. `leaves`: the command
 * says that the archive is left.
 */
export function checkNote(
  note: ArchiveNote | undefined,
  archive: string | undefined,
  leaves: boolean,
): void {
  if (note === undefined || note.place === archive) return
  if (archive === undefined && leaves) return
  const { place } = note
  if (archive === undefined) {
    throw new DstoreError('conflict', `this store has an archive, ${place}, and none was named`, {
      hint: `start it with --archive ${place}, or with --archive none to leave the archive for good`,
    })
  }
  throw new DstoreError('conflict', `this store has another archive: ${place}, not ${archive}`, {
    hint: `start it with --archive ${place}; or once with --archive none, which leaves that one, and then with the new one`,
  })
}
