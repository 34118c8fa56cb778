/** Copies a stored value into a file of a caller, verified on threads (specs/007, R007-184). */
import { concat } from '../../../bytes.ts'
import { throwIfCancelled } from '../../../errors.ts'
import { PieceDecoder } from '../../../hash/proof/piece-decoder.ts'
import { planPieces } from '../../../hash/proof/piece-plan.ts'
import type { ByteRange } from '../../../hash/tree/tree.ts'
import { MIB } from '../../../limits.ts'
import { copyFault } from '../../../store/copy/copy-faults.ts'
import { CopyThreads } from '../../../store/copy/copy-threads.ts'
import type { LentFile } from '../../../store/store.ts'
import { outboardInRuns, readProof, type ValueBytes } from '../../../transfer/piece-reader.ts'
import type { CopyTarget } from '../../node.ts'

export interface StoredCopy {
  readonly value: ValueBytes
  readonly digest: Uint8Array
  readonly range: ByteRange
  readonly lend: () => Promise<LentFile | undefined>
  readonly target: Pick<CopyTarget, 'fd' | 'name' | 'wrote'>
  readonly signal: AbortSignal | undefined
}

/** Memory of a copy: the windows of its threads, and a run of the outboard. */
export const COPY_SHARE_BYTES: number = MIB

/**
 * False, and nothing is written, if the value has no file, or no threads are free. Once this
 * settles, no thread reads or writes any more. Errors: those of a read; `no-space`, `unwritable`.
 */
export async function copyStored(copy: StoredCopy): Promise<boolean> {
  const threads = CopyThreads.take()
  if (threads === undefined) return false
  let file: LentFile | undefined
  try {
    file = await copy.lend()
    if (file !== undefined) await copyPieces(copy, file, threads)
    return file !== undefined
  } finally {
    await threads.release()
    file?.giveBack()
  }
}

async function copyPieces(
  { value, digest, range, target, signal }: StoredCopy,
  file: LentFile,
  threads: CopyThreads,
): Promise<void> {
  const { size } = value
  const proofs = outboardInRuns(value, range)
  const decoder = new PieceDecoder({ digest, size })
  const check = (): void => {
    throwIfCancelled(signal)
    file.signal.throwIfAborted()
  }
  for (const piece of planPieces(size, range)) {
    check()
    decoder.proof(piece, concat(await readProof(proofs, piece)))
    const { expected } = decoder.expected
    const job = { source: file.path, target: target.fd, groups: piece.data, expected, size, range }
    const { start, end } = piece.data
    await threads.run(job, (report) => {
      const fault = copyFault(report, target.name)
      if (fault !== undefined) throw fault
      target.wrote(Math.min(end, range.end) - Math.max(start, range.start))
    })
  }
  await threads.finished()
  check()
}
