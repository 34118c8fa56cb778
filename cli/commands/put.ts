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
import { checkStandardInput, inspect, labelOf, openInput } from '../input/input.ts'
import { checkName } from '../input/references.ts'
import { useDaemon } from '../session.ts'
import { withTransferProgress } from '../terminal/peers.ts'
import { counted } from '../terminal/progress.ts'
import { plural } from '../terminal/terminal.ts'
import type { PutFolderAnswer } from '../tree/put-folder.ts'
import { shownName } from '../wording.ts'
import { showPut } from './names/moved.ts'
import { nameFacts, putName, type PutName } from './names/terms.ts'

export async function put(invocation: Invocation): Promise<number> {
  const { flags } = invocation
  if (flags.jobs !== undefined) (await import('../many/in-flight.ts')).jobsOf(flags.jobs)
  const files = await filesOf(invocation)
  const isMany = files.length > 1 || flags['files-from'] !== undefined
  const named = putName(flags)
  const names = await namesOf(files, named, isMany)
  if (flags.format !== undefined) {
    const { putTars } = await import('../tree/tar/put-command.ts')
    return putTars(invocation)
  }
  const putter = new Putter(invocation, named, names)
  await putter.prepare()
  return isMany ? putter.putMany(files) : putter.putOne(files)
}

/** The arguments, and the paths in the list. */
async function filesOf({ positionals, flags, signal }: Invocation): Promise<readonly string[]> {
  const list = flags['files-from']
  checkStandardInput([...positionals, list])
  if (list === undefined) return positionals
  if (flags.format !== undefined) {
    throw new DstoreError('usage', 'put --format tar takes no --files-from')
  }
  const { readList } = await import('../many/list-file.ts')
  const listed = (await readList(list, signal)).filter((file) => file !== '')
  checkStandardInput([...positionals, list, ...listed])
  return [...positionals, ...listed]
}

/** The name of each file; empty without one. `usage` for one name of several files. */
async function namesOf(
  files: readonly string[],
  { name, naming }: PutName,
  isMany: boolean,
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>()
  if (name === undefined) return names
  if (name.endsWith('/')) {
    const { nameBelow } = await import('../many/names-below.ts')
    for (const file of files) names.set(file, await nameBelow(name, file))
    return names
  }
  if (isMany) {
    const flag = naming?.kind === 'tag' ? '--tag' : '--name'
    throw new DstoreError('usage', `put ${flag} takes one file or folder`, {
      hint: `to name each below a prefix, end that with a slash: ${flag} ${name}/`,
    })
  }
  await checkName(name)
  return names.set(files[0]!, name)
}

type Answer = PutAnswer | PutFolderAnswer

class Putter {
  readonly #invocation: Invocation
  readonly #named: PutName
  readonly #names: ReadonlyMap<string, string>
  #client: Promise<Client> | undefined
  #ignore: IgnoreRules | undefined

  constructor(invocation: Invocation, named: PutName, names: ReadonlyMap<string, string>) {
    this.#invocation = invocation
    this.#named = named
    this.#names = names
  }

  /** Reads the ignore file, before a daemon is asked. Loads what folders need only for one. */
  async prepare(): Promise<void> {
    const { flags, signal } = this.#invocation
    const file = flags['ignore-file']
    if (file === undefined) return
    const { readIgnoreFile } = await import('../tree/put-folder.ts')
    this.#ignore = await readIgnoreFile(file, signal)
  }

  async putOne(files: readonly string[]): Promise<number> {
    const { terminal } = this.#invocation
    return forEachArgument(files, terminal, async (file) => {
      const found = inspect(file, { folders: true })
      const client = await this.#connected()
      const answer = await (found?.isDirectory() === true
        ? this.#storeFolder(file)
        : withTransferProgress(terminal, { label: labelOf(file), done: 'stored' }, client, (line) =>
            this.#store(file, found, (done, total) => line.update(done, total)),
          ))
      await this.#report(file, answer, answer.key)
    })
  }

  async putMany(files: readonly string[]): Promise<number> {
    const { terminal, flags } = this.#invocation
    const [{ putMany }, { jobsOf, PUT_JOBS }] = await Promise.all([
      import('../many/put-many.ts'),
      import('../many/in-flight.ts'),
    ])
    const jobs = jobsOf(flags.jobs) ?? PUT_JOBS
    const label = plural(files.length, 'file')
    const lineOf = (file: string, { key }: Answer): string =>
      terminal.columns === undefined ? key : `${key}  ${shownName(file)}`
    const connect = (): Promise<Client> => this.#connected()
    return withTransferProgress(terminal, { label, done: 'stored', what: label }, connect, (line) =>
      putMany<Answer>({
        terminal,
        files,
        jobs,
        line,
        isBatched: this.#names.size === 0,
        store: ({ file, found }, progress) =>
          found?.isDirectory() === true
            ? this.#storeFolder(file, progress.update)
            : this.#store(file, found, progress.update),
        storeSmall: async (values) => (await this.#connected()).putMany([...values]),
        report: (file, answer) => this.#report(file, answer, lineOf(file, answer)),
      }),
    )
  }

  #connected(): Promise<Client> {
    return (this.#client ??= useDaemon(this.#invocation))
  }

  #namedOf(file: string): PutName {
    const name = this.#names.get(file)
    return name === undefined ? {} : { ...this.#named, name }
  }

  /** A regular file by its path or as bytes, anything else as a stream (R007-25). */
  async #store(file: string, found: Stats | undefined, update: Update): Promise<PutAnswer> {
    const client = await this.#connected()
    const named = this.#namedOf(file)
    if (found?.isFile() === true) {
      const onProgress = ({ doneBytes, totalBytes }: Progress): void =>
        update(doneBytes, totalBytes)
      return putFile(client, file, { ...named, onProgress })
    }
    const { bytes, size } = await openInput(file, this.#invocation.signal)
    const sent = counted(bytes, (doneBytes) => update(doneBytes, size))
    return client.putBytes(sent, undefined, named)
  }

  /** With a progress line of its own, unless it is one of many. */
  async #storeFolder(folder: string, update?: Update): Promise<PutFolderAnswer> {
    const { putFolder } = await import('../tree/put-folder.ts')
    const request = { folder, ...this.#namedOf(folder), ignore: this.#ignore, update }
    return putFolder(this.#invocation, await this.#connected(), request)
  }

  async #report(file: string, answer: Answer, line: string): Promise<void> {
    const { terminal } = this.#invocation
    const named = this.#namedOf(file)
    await terminal.printFact({ file, ...answer, ...nameFacts(named) }, line)
    await showPut(this.#invocation, await this.#connected(), named, answer)
  }
}

type Update = (doneBytes: number, totalBytes?: number) => void
