/** `dstore export` and `dstore import`: values with their names, as one tar file. */
import { DstoreError, type ErrorCode } from '../../src/errors.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import { remoteNode } from '../../src/daemon/client/remote-node.ts'
import { Exporter } from '../archive/exporter.ts'
import { Importer, type Imported } from '../archive/importer.ts'
import { allValues, referencedValues } from '../archive/selection.ts'
import { readArchive } from '../archive/tar-reader.ts'
import type { Invocation } from '../command.ts'
import { isGuarded } from '../delivery/value-output.ts'
import { ExitCodes } from '../exit-code.ts'
import { inspect, openInput } from '../input/input.ts'
import { parseReferences } from '../input/references.ts'
import { connectForMany, type GetMany } from '../many/get-many.ts'
import { useDaemon, useDaemonBy } from '../session.ts'
import { fileOutput } from '../terminal/file-output.ts'
import { writeWhole } from '../terminal/output.ts'
import { plural, type Terminal } from '../terminal/terminal.ts'

/** Failures of one value or name. Any other would also fail the rest, and ends the command. */
const ISOLATED: ReadonlySet<ErrorCode> = new Set([
  'not-found',
  'removed',
  'integrity',
  'unreadable',
  'usage',
  'malformed-key',
  'too-large',
  'conflict',
])

export async function exportValues(invocation: Invocation): Promise<number> {
  const { positionals, flags, terminal, signal } = invocation
  if (flags.output === undefined && isGuarded(terminal)) {
    const hint = 'redirect it: `dstore export > FILE.tar`'
    throw new DstoreError('usage', 'an archive is not written to a terminal', { hint })
  }
  const references = await parseReferences(positionals)
  const output = flags.output === undefined ? terminal.output : await fileOutput(flags.output)
  const codes = new ExitCodes(terminal)
  const all = positionals.length === 0
  let daemon: Pick<GetMany, 'client' | 'small'>
  let total: number | undefined
  try {
    daemon = await useDaemonBy(connectForMany, invocation)
    const { client } = daemon
    total = all ? (await client.status()).store?.valueBytes : undefined
  } catch (error) {
    await output.discard()
    throw error
  }
  const { client, small } = daemon
  await terminal.withProgress('export', async (line) => {
    const exporter = new Exporter(
      client,
      (bytes) => output.write(bytes),
      (doneBytes) => line.update(doneBytes, total),
    )
    const stop = (): void => exporter.abandon(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    try {
      await writeWhole(output, async () => {
        const selected = all
          ? allValues(client, small)
          : referencedValues(client, references, small)
        for await (const one of selected) {
          const unavailable = 'fault' in one ? one : await exporter.add(one)
          if (unavailable === undefined) codes.add(0)
          else failOne(codes, unavailable.fault, unavailable.text)
        }
        if (codes.allFailed) return false
        await exporter.end()
        return true
      })
      const { values, doneBytes, names } = exporter
      if (!codes.allFailed) terminal.note(summary(values, doneBytes, names))
    } finally {
      signal.removeEventListener('abort', stop)
      small.close()
    }
  })
  return codes.common
}

export async function importValues(invocation: Invocation): Promise<number> {
  const { positionals, terminal, signal } = invocation
  const [file = '-'] = positionals
  if (inspect(file) === undefined && process.stdin.isTTY) {
    throw new DstoreError('usage', 'no archive', { hint: 'name a file: `dstore import FILE.tar`' })
  }
  const { bytes, size } = await openInput(file, signal)
  const client = await useDaemon(invocation)
  const node = remoteNode(client, (await client.status()).role)
  return terminal.withProgress('import', async (line) => {
    const importer = new Importer(client, node, (doneBytes) => line.update(doneBytes, size))
    const report = new ImportReport(terminal)
    try {
      try {
        for await (const one of readArchive(bytes, signal)) {
          if (one.kind === 'refused') report.fail(one.fault, one.path)
          else for await (const imported of importer.take(one)) await report.add(imported)
        }
      } catch (error) {
        // The rest of the archive is unreadable; everything before it is complete.
        report.fail(error)
      }
      for await (const imported of importer.end()) await report.add(imported)
    } catch (error) {
      report.abort(error)
    }
    return report.end()
  })
}

/** Prints what was imported, counts it, and collects exit codes. */
class ImportReport {
  readonly #terminal: Terminal
  readonly #codes: ExitCodes
  #values = 0
  #valueBytes = 0
  #names = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    this.#codes = new ExitCodes(terminal)
  }

  async add(imported: Imported): Promise<void> {
    if (imported.kind === 'failed') return this.fail(imported.fault, imported.what)
    this.#codes.add(0)
    if (imported.kind === 'value') {
      this.#values++
      this.#valueBytes += imported.answer.size
      await this.#terminal.printFact(imported.answer, imported.answer.key)
    } else {
      this.#names++
      if (!this.#terminal.json) return
      const { name, key, kind, expires: expiresAt } = imported.bound
      await this.#terminal.print(JSON.stringify({ name, key, kind, expiresAt }))
    }
  }

  fail(error: unknown, what?: string): void {
    failOne(this.#codes, error, what)
  }

  /** The import ends early. Rethrows if it is cancelled, or if nothing was imported before. */
  abort(error: unknown): void {
    const isReportable = error instanceof DstoreError && error.code !== 'cancelled'
    if (this.#codes.isEmpty || !isReportable) throw error
    this.#codes.fail(error)
  }

  end(): number {
    this.#terminal.note(summary(this.#values, this.#valueBytes, this.#names))
    return this.#codes.common
  }
}

/** Report the failure of one value or name; rethrow any other. */
function failOne(codes: ExitCodes, error: unknown, what?: string): void {
  if (!(error instanceof DstoreError && ISOLATED.has(error.code))) throw error
  codes.fail(error, what)
}

function summary(values: number, valueBytes: number, names: number): string {
  return `${plural(values, 'value')}, ${formatSize(valueBytes)}, ${plural(names, 'name')}`
}
