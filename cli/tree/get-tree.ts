/** `dstore get` of a directory, or of something below one. */
import { DstoreError } from '../../src/errors.ts'
import type { Key } from '../../src/hash/key.ts'
import type { RangeRequest } from '../../src/node/node.ts'
import type { ExtractOptions, TreeProgress } from '../../src/tree/extract/options.ts'
import type { Invocation } from '../command.ts'
import { getOne } from '../delivery/single.ts'
import { forEachArgument } from '../exit-code.ts'
import { shortLabel } from '../input/references.ts'
import { withSpelling } from '../input/spelling.ts'
import { withTransferProgress } from '../terminal/peers.ts'
import type { ProgressLine } from '../terminal/progress.ts'
import { plural, type Terminal } from '../terminal/terminal.ts'
import { withFlagsInHints } from './flags-in-hints.ts'
import { findValue, useTreeDaemon, type FoundValue, type TreeDaemon } from './open-tree.ts'
import { syncFileSystem } from './sync-file-system.ts'

/** The only positional leads to a directory, or to something below one. */
export async function getFromTree(
  invocation: Invocation,
  range: RangeRequest | undefined,
): Promise<number> {
  const { positionals, terminal } = invocation
  const daemon = await useTreeDaemon(invocation)
  try {
    return await forEachArgument(positionals, terminal, async (text) => {
      const find = (word: string): Promise<FoundValue> => findValue(daemon, word)
      const { key, executable } = await withSpelling(() => daemon.client, text, find)
      if (key.kind === 'directory') return getDirectory(invocation, daemon, text, key, range)
      if (invocation.flags.format !== undefined) {
        throw new DstoreError('usage', `--format takes a directory, and ${text} is a plain value`)
      }
      if (invocation.flags.update !== undefined) {
        throw new DstoreError('usage', `--update takes a directory, and ${text} is a plain value`)
      }
      const ofFile = { ...invocation, positionals: [key.toString()] }
      const code = await getOne(ofFile, range, { label: text, executable })
      if (code !== undefined) return code
      throw new DstoreError('protocol', `${text} led to a value, and now to a directory`)
    })
  } finally {
    daemon.reader.close()
    daemon.client.close()
  }
}

async function getDirectory(
  invocation: Invocation,
  daemon: TreeDaemon,
  text: string,
  key: Key,
  range: RangeRequest | undefined,
): Promise<void> {
  const { flags, terminal, signal } = invocation
  const { client, reader } = daemon
  const { format, output, update } = flags
  if (range !== undefined) {
    throw new DstoreError('usage', `${text} is a directory, of which there are no ranges`, {
      hint: 'add the path of a file: KEY/path',
    })
  }
  if (update === undefined && (format !== undefined || output === undefined)) {
    const { getTar, isToBeTar } = await import('./tar/get-tar.ts')
    if (isToBeTar(format, terminal)) return getTar(invocation, daemon, text, key)
    throw new DstoreError('usage', `${text} is a directory`, {
      hint: `to write it to a folder: dstore get ${text} -o DIR; to list it: dstore ls ${text}`,
    })
  }
  await withTransferProgress(
    terminal,
    { label: shortLabel(text), done: 'fetched' },
    client,
    async (line) => {
      const options = await extractOptions(line, shortLabel(text), signal)
      if (update === undefined) {
        const { extractTree } = await import('../../src/tree/extract/extract-tree.ts')
        const target = output!
        await withFlagsInHints(() => extractTree(reader, key, target, options), target)
        return showDocument(terminal, target, key)
      }
      const { updateTree } = await import('../../src/tree/extract/update-tree.ts')
      const isExact = flags.delete === true
      const { files, removed } = await withFlagsInHints(
        () => updateTree(reader, key, update, { ...options, delete: isExact }),
        update,
      )
      const removals = isExact ? `, ${plural(removed, 'entry')} removed` : ''
      if (terminal.json) return showDocument(terminal, update, key)
      terminal.note(`${update}: ${plural(files, 'file')} written${removals}`)
    },
  )
}

async function showDocument(terminal: Terminal, file: string, key: Key): Promise<void> {
  if (terminal.json) await terminal.print(JSON.stringify({ file, key: key.toString() }))
}

/** How this command extracts trees. */
export async function extractOptions(
  line: ProgressLine | undefined,
  label: string,
  signal: AbortSignal,
): Promise<ExtractOptions> {
  const { lockFile } = await import('../../src/daemon/process/file-lock.ts')
  // With a umask that takes from the owner, nothing could be written to a new folder.
  process.umask(process.umask() & 0o077)
  const onProgress = ({ doneFiles, totalFiles, doneBytes, totalBytes }: TreeProgress): void => {
    if (line === undefined) return
    line.label = `${label}  ${doneFiles} of ${plural(totalFiles, 'file')}`
    line.update(doneBytes, totalBytes)
  }
  return { signal, onProgress, lockFile, syncAll: syncFileSystem }
}
