/** What the record of a key says of a directory. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type * as pb from './records_pb.ts'

export interface DirectoryRecord {
  /** Bytes and number of all files below it. */
  readonly size: number
  readonly files: number
  /** Directories on the longest path below it, itself included. */
  readonly depth: number
  /** Distinct children, each of which it holds once. */
  readonly children: number
  /** At most so many values are removed with it, itself included. */
  readonly values: number
}

export const packDirectory = (
  directory: DirectoryRecord,
): MessageInitShape<typeof pb.DirectoryRecordSchema> => ({
  ...directory,
  size: BigInt(directory.size),
  files: BigInt(directory.files),
  values: BigInt(directory.values),
})

export const unpackDirectory = ({
  depth,
  children,
  ...wide
}: pb.DirectoryRecord): DirectoryRecord => ({
  size: Number(wide.size),
  files: Number(wide.files),
  depth,
  children,
  values: Number(wide.values),
})
