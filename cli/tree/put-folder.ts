/** Stores a folder for `dstore put` (R007-240 to R007-246). */
import { statSync } from 'node:fs'
import type { StateDirectory } from '../../src/daemon/config/state-directory.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { remoteNode } from '../../src/daemon/client/remote-node.ts'
import { asDstoreError } from '../../src/errors.ts'
import { IgnoreRules } from '../../src/tree/put/walk/ignore-rules.ts'
import { putTree, type PutTreeOptions } from '../../src/tree/put/put-tree.ts'
import type { OnTreeProgress } from '../../src/tree/put/tree-progress.ts'
import type { Invocation } from '../command.ts'
import { readText } from '../input/text-input.ts'
import { clientOptions, place } from '../session.ts'
import { withTransferProgress } from '../terminal/peers.ts'
import { withFlagsInHints } from './flags-in-hints.ts'
import { moveFacts } from '../commands/names/terms.ts'
import { showFolder } from './folder-progress.ts'

/** What `put --json` prints of a folder. */
export interface PutFolderAnswer {
  readonly key: string
  /** Bytes of all files below it. */
  readonly totalSize: number
  readonly files: number
  readonly existed: boolean
  /** Files and bytes that were not there: bytes of directories, too. */
  readonly sentFiles: number
  readonly sentBytes: number
  /** Where it moved a tag: what that pointed to before. */
  readonly previous?: string
  readonly previousKeptUntil?: string
  readonly silent?: readonly string[]
}

/** The patterns of `--ignore-file`, for all folders of a command, behind those of the command. */
export async function readIgnoreFile(
  file: string | undefined,
  signal: AbortSignal,
  always: string = '',
): Promise<IgnoreRules | undefined> {
  if (file === undefined) return always === '' ? undefined : new IgnoreRules(always)
  return new IgnoreRules(always + (await readText(file, signal)))
}

export interface PutFolder {
  readonly folder: string
  readonly name?: string
  readonly naming?: PutTreeOptions['naming']
  readonly ignore: IgnoreRules | undefined
  /** Told the bytes that are stored, where it is one of many; else it has a line of its own. */
  readonly update?: ((doneBytes: number) => void) | undefined
}

export async function putFolder(
  invocation: Invocation,
  client: Client,
  { folder, name, naming, ignore, update }: PutFolder,
): Promise<PutFolderAnswer> {
  const { flags, signal, terminal } = invocation
  const { role } = await client.status()
  const node = remoteNode(client.withDefaults(clientOptions(invocation)), role)
  const cacheFolder = cacheFolderIn(place(flags).directory)
  const { follow = false } = flags
  const work = async (onTreeProgress: OnTreeProgress): Promise<PutFolderAnswer> => {
    const options = {
      name,
      naming,
      follow,
      ignore,
      cacheFolder,
      signal,
      label: folder,
      onTreeProgress,
    }
    try {
      const { key, size, files, existed, sent, ...moved } = await withFlagsInHints(() =>
        putTree(node, folder, options),
      )
      const counts = { sentFiles: sent.files, sentBytes: sent.bytes }
      return {
        key: key.toString(),
        totalSize: size,
        files,
        existed,
        ...counts,
        ...moveFacts(moved),
      }
    } catch (error) {
      const { code, hint } = asDstoreError(error)
      if (code === 'cancelled' && hint !== undefined) terminal.note(`stopped; ${hint}`)
      throw error
    }
  }
  if (update !== undefined) {
    return work(({ phase, doneBytes }) => void (phase === 'store' && update(doneBytes)))
  }
  return withTransferProgress(terminal, { label: folder, done: 'stored' }, client, (line) =>
    work(showFolder(line, folder)),
  )
}

/** Beside the files of the node; undefined without a state directory on this machine. */
function cacheFolderIn({ path, statCache }: StateDirectory): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? statCache : undefined
}
