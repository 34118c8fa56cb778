/** `dstore get` of one value: to standard output or to a file. */
import type { CopyAnswer } from '../../src/daemon/api/api.ts'
import { ValueClient, type HandedFile } from '../../src/daemon/client/value-client.ts'
import { asDstoreError } from '../../src/errors.ts'
import type { Progress, RangeRequest } from '../../src/node/node.ts'
import type { Invocation } from '../command.ts'
import { forEachArgument } from '../exit-code.ts'
import { isDirectoryKey, shortLabel } from '../input/references.ts'
import { isUnknown } from '../input/spelling.ts'
import { findDaemon, useDaemonBy, type Connect } from '../session.ts'
import { fileOutput } from '../terminal/file-output.ts'
import { fileForDaemon } from './hand-over.ts'
import { valueOutput } from './value-output.ts'
import { writeWhole } from '../terminal/output.ts'
import { withTransferProgress } from '../terminal/peers.ts'
import { counted } from '../terminal/progress.ts'

/** What is known of the value beside its key. */
export interface KnownValue {
  /** What messages call it. */
  readonly label: string
  readonly executable: boolean | undefined
}

/**
 * The only positional is a key or a name, as `parseReferences` has found. Undefined if it leads
 * into a directory, of which nothing was written.
 */
export async function getOne(
  invocation: Invocation,
  range: RangeRequest | undefined,
  known?: KnownValue,
): Promise<number | undefined> {
  const { flags, positionals, terminal } = invocation
  const [text = ''] = positionals
  const label = known?.label ?? shortLabel(text)
  // Before the daemon is asked: a value that cannot be written costs others their place in a cache.
  const mode = known?.executable === true ? 0o777 & ~process.umask() : undefined
  const output =
    flags.output === undefined ? valueOutput(terminal) : await fileOutput(flags.output, mode)
  const connect: Connect<ValueClient> = (socket, options) => ValueClient.connect(socket, options)
  const client = await useDaemonBy(connect, invocation).catch(async (error: unknown) => {
    await output.discard()
    throw error
  })
  let isTree = false
  let written: { readonly key: string; readonly size: number } | undefined
  const code = await forEachArgument([label], terminal, async () => {
    await writeWhole(output, async () => {
      const file = await fileForDaemon(output, flags.output)
      const copy =
        file && (await copied(invocation, client, file, range, label).catch(unlessTree(text)))
      if (copy !== undefined) {
        if (copy !== 'tree') written = { key: copy.key, size: copy.end - copy.start }
        return !(isTree = leadsToTree(copy))
      }
      const value = await client.get(text, range).catch(unlessTree(text))
      isTree = leadsToTree(value)
      if (value === 'tree') return false
      if (isTree) {
        await value.bytes[Symbol.asyncIterator]().return?.()
        return false
      }
      const { start, end } = value.range
      written = { key: value.key, size: end - start }
      await withTransferProgress(
        terminal,
        { label, done: 'fetched' },
        () => findDaemon(invocation),
        async (line) => {
          const bytes = counted(value.bytes, (doneBytes) => line.update(doneBytes, end - start))
          for await (const piece of bytes) await output.write(piece)
        },
      )
      return true
    })
    if (terminal.json && !isTree) {
      await terminal.print(JSON.stringify({ file: flags.output, ...written }))
    }
    return undefined
  })
  return isTree ? undefined : code
}

/** A name that is not bound may be a path below one that is, or spell a key (R007-430). */
const unlessTree =
  (text: string) =>
  (error: unknown): 'tree' => {
    const mayBePath = asDstoreError(error).code === 'not-found' && text.includes('/')
    if (!mayBePath && !isUnknown(text, error)) throw error
    return 'tree'
  }

const leadsToTree = (answer: 'tree' | { readonly key: string }): boolean =>
  answer === 'tree' || isDirectoryKey(answer.key)

/** Has the daemon write the value to the file; undefined if it does not. */
async function copied(
  invocation: Invocation,
  client: ValueClient,
  file: HandedFile,
  range: RangeRequest | undefined,
  label: string,
): Promise<CopyAnswer | undefined> {
  const { positionals, terminal } = invocation
  const [text = ''] = positionals
  return withTransferProgress(
    terminal,
    { label, done: 'fetched' },
    () => findDaemon(invocation),
    async (line) => {
      const onProgress = ({ doneBytes, totalBytes }: Progress): void =>
        line.update(doneBytes, totalBytes)
      return client.copy(text, file, range, onProgress)
    },
  )
}
