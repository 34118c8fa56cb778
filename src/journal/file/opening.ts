/** Finds what an earlier process left of a journal, and where it ends. */
import { dirname, join } from 'node:path'
import { equal } from '../../bytes.ts'
import { meansNoFile } from '../../errno.ts'
import { JOURNAL_BLOCK_BYTES, JOURNAL_SEGMENT_BYTES } from '../../limits.ts'
import type { ChainPosition } from '../chain.ts'
import { damaged } from './faults.ts'
import type { JournalFiles } from './files.ts'
import { type FileKind, type JournalFileName, parseName, pathOf } from './layout.ts'
import { type SegmentContent, readSegment } from './read-segment.ts'
import { Segments } from './segments.ts'
import { Spares } from './spares.ts'

export interface Opened {
  readonly segments: Segments
  readonly spares: Spares
  /** The digest of the last entry. */
  readonly digest: Uint8Array
}

interface Opening {
  /** Where a journal without segments begins. */
  readonly start: ChainPosition
  readonly readOnly: boolean
}

/**
 * Throws `integrity` where an entry is missing or damaged that others follow. What follows the last
 * entry of the last segment may be torn, and is void from the next append on.
 */
export async function openSegments(
  files: JournalFiles,
  directory: string,
  opening: Opening,
): Promise<Opened> {
  const { start, readOnly } = opening
  const listed = readOnly ? await listOrNone(files, directory) : await prepare(files, directory)
  const names = listed.flatMap((name) => parseName(name) ?? [])
  const of = (kind: FileKind): JournalFileName[] => names.filter((one) => one.kind === kind)
  if (!readOnly) for (const { name } of of('new')) await files.remove(join(directory, name))
  const numbers = of('segment')
    .map(({ number }) => number)
    .toSorted((a, b) => a - b)
  const segments = new Segments(directory, start.position)
  const digest = await readAll(files, directory, { numbers, segments, ...opening })
  const spares = await findSpares(files, directory, readOnly ? [] : of('spare'))
  return { segments, digest, spares }
}

async function prepare(files: JournalFiles, directory: string): Promise<readonly string[]> {
  await files.makeDirectory(directory)
  // The last process may have been killed before its last rename was durable.
  for (const path of [dirname(directory), directory]) await files.syncDirectory(path)
  return files.list(directory)
}

async function listOrNone(files: JournalFiles, directory: string): Promise<readonly string[]> {
  try {
    return await files.list(directory)
  } catch (error) {
    if (meansNoFile(error)) return []
    throw error
  }
}

/** From the newest on: what each has beyond the beginning of the next one is void, and not read. */
async function readAll(
  files: JournalFiles,
  directory: string,
  {
    numbers,
    segments,
    start,
    readOnly,
  }: Opening & { readonly numbers: readonly number[]; readonly segments: Segments },
): Promise<Uint8Array> {
  const contents: SegmentContent[] = []
  for (const number of numbers.toReversed()) {
    const path = pathOf(directory, number, 'segment')
    const next = contents.at(-1)
    if (next !== undefined && next.head.number !== number + 1) {
      throw damaged(path, 'the segment after it is missing')
    }
    // What only the memory of the system has must not be served, and then be lost.
    if (next === undefined && !readOnly) await syncFile(files, path)
    const content = await readSegment(files, path, { number, upto: next?.head.after })
    if (next !== undefined) checkNext(content, next, path)
    if (content.later !== undefined) {
      throw damaged(path, `entry ${content.later} is there, and an earlier one is not`)
    }
    contents.push(content)
  }
  for (const { head, offsets } of contents.toReversed()) segments.add(head, offsets)
  const newest = contents[0]
  return newest?.digests.at(-1) ?? newest?.head.chain ?? start.digest
}

/** Does the next segment continue after the last entry of this one? */
function checkNext(
  { head, offsets, digests }: SegmentContent,
  next: SegmentContent,
  path: string,
): void {
  const count = next.head.after - head.after
  if (count !== offsets.length)
    throw damaged(path, `entry ${head.after + offsets.length + 1} is not there`)
  if (!equal(next.head.chain, digests.at(-1) ?? head.chain)) {
    throw damaged(path, 'the segment after it follows another history')
  }
}

async function sizeOf(files: JournalFiles, path: string): Promise<number> {
  const file = await files.open(path)
  try {
    return await file.size()
  } finally {
    await file.close()
  }
}

async function syncFile(files: JournalFiles, path: string): Promise<void> {
  const file = await files.openDurable(path)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

async function findSpares(
  files: JournalFiles,
  directory: string,
  names: readonly JournalFileName[],
): Promise<Spares> {
  const spares = new Spares(files, directory)
  for (const { name, number } of names) {
    const path = join(directory, name)
    spares.nextPath(number + 1)
    const bytes = await sizeOf(files, path)
    if (bytes > JOURNAL_BLOCK_BYTES && bytes <= JOURNAL_SEGMENT_BYTES)
      await spares.add({ path, bytes })
    else await files.remove(path)
  }
  return spares
}
