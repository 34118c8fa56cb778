/** `dstore put`: store files, and standard input. */
import type { Stats } from 'node:fs'
import { DstoreError } from '../../src/errors.ts'
import type { PutAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { putFile } from '../../src/daemon/client/put-file.ts'
import type { Progress } from '../../src/node/node.ts'
import type { IgnoreRules } from '../../src/tree/put/walk/ignore-rules.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { inspect, labelOf, openInput } from '../input/input.ts'
import { checkName } from '../input/references.ts'
import { SmallFiles } from '../input/small-files.ts'
import { useDaemon } from '../session.ts'
import { withTransferProgress } from '../terminal/peers.ts'
import { counted, type ProgressLine } from '../terminal/progress.ts'
import { showPut } from './names/moved.ts'
import { nameFacts, putName, type PutName } from './names/terms.ts'

export async function put(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal } = invocation
  const named = putName(flags)
  const { name } = named
  if (name !== undefined && positionals.length > 1) {
    const flag = flags.tag === undefined ? '--name' : '--tag'
    throw new DstoreError('usage', `put ${flag} takes one file or folder`)
  }
  if (name !== undefined) await checkName(name)
  if (flags.format !== undefined) {
    const { putTars } = await import('../tree/tar/put-command.ts')
    return putTars(invocation)
  }
  const folders = new Folders(invocation)
  await folders.prepare()
  const smallFiles = new SmallFiles(positionals)
  let client: Client | undefined
  return forEachArgument(positionals, terminal, async (file, index) => {
    const found = inspect(file, { folders: true })
    const daemon = (client ??= await useDaemon(invocation))
    if (found?.isDirectory() === true) return folders.store(daemon, file)
    const answer =
      (await smallFiles.store(daemon, index)) ??
      (await withTransferProgress(terminal, labelOf(file), daemon, (line) =>
        store(daemon, { file, found, line, ...named }),
      ))
    await terminal.printFact({ file, ...answer, ...nameFacts(named) }, answer.key)
    await showPut(invocation, daemon, named, answer)
  })
}

/** What is only for folders, and loaded only for one. */
class Folders {
  readonly #invocation: Invocation
  #ignore: IgnoreRules | undefined

  constructor(invocation: Invocation) {
    this.#invocation = invocation
  }

  /** Reads the ignore file, before a daemon is asked. */
  async prepare(): Promise<void> {
    const file = this.#invocation.flags['ignore-file']
    if (file === undefined) return
    const { readIgnoreFile } = await import('../tree/put-folder.ts')
    this.#ignore = await readIgnoreFile(file)
  }

  async store(client: Client, folder: string): Promise<void> {
    const { flags, terminal } = this.#invocation
    const { putFolder } = await import('../tree/put-folder.ts')
    const named = putName(flags)
    const request = { folder, ...named, ignore: this.#ignore }
    const answer = await putFolder(this.#invocation, client, request)
    await terminal.printFact({ file: folder, ...answer, ...nameFacts(named) }, answer.key)
    await showPut(this.#invocation, client, named, answer)
  }
}

interface PutRequest extends PutName {
  readonly file: string
  /** Undefined for standard input. */
  readonly found: Stats | undefined
  readonly line: ProgressLine
}

/** A regular file by its path or as bytes, anything else as a stream (R007-25). */
async function store(
  client: Client,
  { file, found, line, ...named }: PutRequest,
): Promise<PutAnswer> {
  if (found?.isFile() === true) {
    const onProgress = ({ doneBytes, totalBytes }: Progress): void =>
      line.update(doneBytes, totalBytes)
    return putFile(client, file, { ...named, onProgress })
  }
  const { bytes, size } = await openInput(file)
  const sent = counted(bytes, (doneBytes) => line.update(doneBytes, size))
  return client.putBytes(sent, undefined, named)
}
