/** `dstore put --format tar`: a tar file as a directory (R007-277 to R007-280). */
import type { CommitTreeOptions, Node } from '../../../src/node/node.ts'
import { putStream, type PutStreamResult } from '../../../src/tree/build/put-stream.ts'
import type { ProgressLine } from '../../terminal/progress.ts'
import { plural } from '../../terminal/terminal.ts'
import { readEntries } from './read-entries.ts'

export interface PutTarOptions {
  readonly signal: AbortSignal
  readonly name?: string | undefined
  readonly naming?: CommitTreeOptions['naming']
  readonly line: ProgressLine
  /** Bytes of the archive; undefined if that is unknown. */
  readonly size: number | undefined
}

export async function putTar(
  node: Node,
  archive: AsyncIterable<Uint8Array>,
  { signal, name, naming, line, size }: PutTarOptions,
): Promise<PutStreamResult> {
  const { trees } = node
  const { label } = line
  let [files, bytes] = [0, 0]
  const onFiles = (moreFiles: number, moreBytes: number): void => {
    files += moreFiles
    bytes += moreBytes
    line.label = `${label}  ${plural(files, 'file')}`
    line.update(bytes, size)
  }
  const parts = { trees, put: node.put.bind(node), putMany: node.putMany.bind(node) }
  return putStream(parts, readEntries(archive, signal), {
    signal,
    onFiles,
    ...(name !== undefined && { name }),
    ...(naming && { naming }),
  })
}
