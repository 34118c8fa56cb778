/** A stored value with its outboard as one source, which the release of the value closes. */
import { DstoreError } from '../../../errors.ts'
import type { Location } from '../../store.ts'
import type { UploadSource } from '../archive.ts'
import type { Files } from '../files.ts'
import type { Layout } from '../layout.ts'
import type { StoredValue } from '../records/file-row.ts'
import { type ValueReaders, readFault } from '../value-reader.ts'
import { fileSource, valueSource } from './sources.ts'

export interface StoredSourceParts {
  readonly files: Files
  readonly layout: Layout
  readonly readers: ValueReaders
  /** Of the records. */
  readonly outboard: (location: Location) => Uint8Array | undefined
  /** The value; throws where it was released or is damaged, or the store closed. */
  readonly value: (location: Location) => StoredValue
}

/** Undefined if the value is small. Errors: those of a read. */
export async function openStored(
  location: Location,
  parts: StoredSourceParts,
): Promise<UploadSource | undefined> {
  const value = parts.value(location)
  if (value.small !== undefined) return undefined
  const source = await opened(location, value, parts).catch((error: unknown) => {
    throw readFault(error)
  })
  let isOpen = true
  const reads = new Set<Promise<void>>()
  const close = async (): Promise<void> => {
    if (!isOpen) return
    isOpen = false
    forget()
    await Promise.all(reads)
    await source.close()
  }
  const forget = parts.readers.register(location, { end: close })
  const read = async (into: Uint8Array, position: number): Promise<void> => {
    if (!isOpen) throw new DstoreError('removed', 'the value was removed')
    const reading = source.read(into, position)
    const settled = reading.catch(() => undefined).finally(() => reads.delete(settled))
    reads.add(settled)
    await reading.catch((error: unknown) => {
      throw readFault(error)
    })
  }
  return { read, close }
}

function opened(
  location: Location,
  { file, size, outboardBytes, place }: StoredValue,
  { files, layout, outboard }: StoredSourceParts,
): Promise<UploadSource> {
  const value = layout.valueFile(file)
  if (place === 'behind') return fileSource(files, value)
  const inFile = place === 'file' && outboardBytes > 0
  const bytes = inFile ? layout.outboardFile(file) : (outboard(location) ?? new Uint8Array(0))
  return valueSource(files, { value, valueBytes: size, outboard: bytes })
}
