/** `dstore get --format tar`: a directory as a tar file (R007-275, R007-276). */
import { totalsOf } from '../../../src/directory/directory.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Key } from '../../../src/hash/key.ts'
import type { Invocation } from '../../command.ts'
import { isGuarded } from '../../delivery/value-output.ts'
import { shortLabel } from '../../input/references.ts'
import { fileOutput } from '../../terminal/file-output.ts'
import { writeWhole } from '../../terminal/output.ts'
import { withTransferProgress } from '../../terminal/peers.ts'
import { plural, type Terminal } from '../../terminal/terminal.ts'
import type { TreeDaemon } from '../open-tree.ts'
import { writeTree } from './write-tree.ts'

/** The only format of a directory that is not a folder. */
export const TAR = 'tar'

/** Throws `usage` for a format that there is not. */
export function checkFormat(format: string | undefined): void {
  if (format === undefined || format === TAR) return
  throw new DstoreError('usage', `no such format: ${format}`, { hint: 'write --format tar' })
}

/** Does a call without -o FILE write a tar file? It does unless a terminal would show it. */
export const isToBeTar = (format: string | undefined, terminal: Terminal): boolean =>
  format === TAR || !isGuarded(terminal)

export async function getTar(
  { flags, terminal, signal }: Invocation,
  { client, reader, listings }: TreeDaemon,
  text: string,
  key: Key,
): Promise<void> {
  if (flags.output === undefined && isGuarded(terminal)) {
    const hint = `redirect it: dstore get ${text} --format tar > FILE.tar`
    throw new DstoreError('usage', 'an archive is not written to a terminal', { hint })
  }
  const output = flags.output === undefined ? terminal.output : await fileOutput(flags.output)
  await writeWhole(output, () =>
    withTransferProgress(
      terminal,
      { label: shortLabel(text), done: 'fetched' },
      client,
      async (line) => {
        const total = totalsOf(new Map((await listings.get(key)).entries))
        let [files, bytes] = [0, 0]
        const onProgress = (moreFiles: number, moreBytes: number): void => {
          files += moreFiles
          bytes += moreBytes
          line.label = `${shortLabel(text)}  ${files} of ${plural(total.files, 'file')}`
          line.update(bytes, total.size)
        }
        await writeTree(reader, key, (piece) => output.write(piece), { signal, onProgress })
        return true
      },
    ),
  )
  if (terminal.json) {
    await terminal.print(JSON.stringify({ file: flags.output, key: key.toString() }))
  }
}
