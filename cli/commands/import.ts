/** `dstore import`: the values and names of an archive, each value verified against its key. */
import { DstoreError } from '../../src/errors.ts'
import { formatSize } from '../../src/daemon/config/quantities.ts'
import { endsAll } from '../archive/faults.ts'
import { Importer, type Imported } from '../archive/importer.ts'
import { readArchive } from '../archive/reader.ts'
import { commonExit } from '../each.ts'
import { inspect, openInput } from '../input/input.ts'
import type { Invocation } from '../invocation.ts'
import { useDaemon } from '../session.ts'
import type { Terminal } from '../terminal/terminal.ts'

export async function importValues(invocation: Invocation): Promise<number> {
  const { positionals, terminal, signal } = invocation
  const [file = '-'] = positionals
  if (inspect(file) === undefined && process.stdin.isTTY) {
    throw new DstoreError('usage', 'no archive', { hint: 'write `dstore import FILE.tar`' })
  }
  const { bytes, size } = await openInput(file)
  const client = await useDaemon(invocation)
  const line = terminal.progress('import')
  const importer = new Importer(client, (doneBytes) => line?.update(doneBytes, size))
  const told = new Told(terminal)
  try {
    try {
      for await (const one of readArchive(bytes, signal)) {
        if (one.kind === 'refused') told.failed(one.fault, one.path)
        else for await (const imported of importer.take(one)) await told.add(imported)
      }
    } catch (error) {
      // It cannot be read any further; what came before is whole.
      told.failed(error)
    }
    for await (const imported of importer.end()) await told.add(imported)
  } catch (error) {
    told.ended(error)
  } finally {
    line?.end()
  }
  return told.end()
}

/** What people are told, and the exit code that it comes to. */
class Told {
  readonly #terminal: Terminal
  readonly #exits = new Set<number>()
  #values = 0
  #valueBytes = 0
  #names = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  async add(imported: Imported): Promise<void> {
    if (imported.kind === 'failed') return this.failed(imported.fault, imported.what)
    this.#exits.add(0)
    if (imported.kind === 'value') {
      this.#values++
      this.#valueBytes += imported.answer.size
      await this.#terminal.printFact(imported.answer, imported.answer.key)
    } else {
      this.#names++
      if (this.#terminal.json) await this.#terminal.print(JSON.stringify(imported.bound))
    }
  }

  /** A failure, of this value or name alone. Throws one that would be that of all others, too. */
  failed(error: unknown, what?: string): void {
    if (!(error instanceof DstoreError) || endsAll(error)) throw error
    this.#terminal.fail(error, what)
    this.#exits.add(error.kind.exit)
  }

  /** Nothing more is done. Throws where nothing was, and where there is nothing to tell. */
  ended(error: unknown): void {
    const isPart = this.#exits.size > 0
    if (!isPart || !(error instanceof DstoreError) || error.code === 'cancelled') throw error
    this.#terminal.fail(error)
    this.#exits.add(error.kind.exit)
  }

  end(): number {
    const size = formatSize(this.#valueBytes)
    this.#terminal.note(`${this.#values} values, ${size}, ${this.#names} names`)
    return commonExit(this.#exits)
  }
}
