/** `dstore put --format tar`, for each archive of a call (R007-277). */
import type { Client } from '../../../src/daemon/client/client.ts'
import { remoteNode } from '../../../src/daemon/client/remote-node.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { showPut } from '../../commands/names/moved.ts'
import { moveFacts, nameFacts, putName } from '../../commands/names/terms.ts'
import { forEachArgument } from '../../exit-code.ts'
import { inspect, labelOf, openInput } from '../../input/input.ts'
import { useDaemon } from '../../session.ts'
import { withTransferProgress } from '../../terminal/peers.ts'
import { checkFormat } from './get-tar.ts'
import { putTar } from './put-tar.ts'

export async function putTars(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal, signal } = invocation
  checkFormat(flags.format)
  if (flags.follow === true || flags['ignore-file'] !== undefined) {
    throw new DstoreError(
      'usage',
      '--follow and --ignore-file are for folders, not for tar files',
      {
        hint: 'tar has --dereference and --exclude',
      },
    )
  }
  const named = putName(flags)
  let client: Client | undefined
  return forEachArgument(positionals, terminal, async (file) => {
    const found = inspect(file, { folders: true })
    if (found?.isDirectory() === true) {
      const hint = `to store the folder: dstore put ${file}`
      throw new DstoreError('usage', `${file} is a folder, and no tar file`, { hint })
    }
    if (found === undefined && process.stdin.isTTY) {
      const hint = 'pipe one in: tar c -C DIR . | dstore put --format tar -'
      throw new DstoreError('usage', 'no archive', { hint })
    }
    const daemon = (client ??= await useDaemon(invocation))
    const { bytes, size } = await openInput(file, signal)
    const node = remoteNode(daemon, (await daemon.status()).role)
    const put = await withTransferProgress(
      terminal,
      { label: labelOf(file), done: 'stored' },
      daemon,
      (line) => putTar(node, bytes, { signal, ...named, line, size }),
    )
    const { key: root, size: totalSize, files, existed, ...from } = put
    const key = root.toString()
    const moved = moveFacts(from)
    const facts = { file, key, totalSize, files, existed }
    await terminal.printFact({ ...facts, ...moved, ...nameFacts(named) }, key)
    await showPut(invocation, daemon, named, moved)
  })
}
