/**
 * A journal in two tables of PostgreSQL: one row says where it ends, and an append moves that row
 * and inserts the entry in one transaction.
 *
 * What can be read on the primary is not yet on a standby: a wait for one may have been cut short.
 * So whatever was read counts only after a later write was acknowledged (`confirm`).
 */
import { DstoreError } from '../../errors.ts'
import { type Engine, awayError } from '../engine/engine.ts'
import { AppendError, type Extent, type Followed } from '../journal.ts'
import { type Answer, type Primary, type Query, type Row, SqlFault } from './primary.ts'
import type { Statements } from './statements.ts'

export interface PostgresEngineOptions {
  readonly place: string
  readonly statements: Statements
  /** Of its own, for each waits for standbys. */
  readonly appends: Primary
  readonly confirms: Primary
  readonly reads: Primary
}

export class PostgresEngine implements Engine {
  readonly #options: PostgresEngineOptions
  /** The confirmation under way, and the one that begins after it. */
  #confirming: Promise<void> | undefined
  #nextConfirm: Promise<void> | undefined

  constructor(options: PostgresEngineOptions) {
    this.#options = options
  }

  get place(): string {
    return this.#options.place
  }

  async append(after: number, entry: Uint8Array): Promise<'ok' | 'refused'> {
    const { appends, statements, place } = this.#options
    let answer: Answer
    try {
      answer = await this.#write(appends, statements.append(after, entry))
    } catch (error) {
      throw refusalOf(place, error)
    }
    // The wait for a standby was cut short: the entry is there, and a failover may lose it.
    if (answer.warning !== undefined) throw awayError(place, answer.warning)
    return answer.count === 1 ? 'ok' : 'refused'
  }

  async extent(): Promise<Extent> {
    const [row] = await this.#confirmed(() => this.#read(this.#options.statements.extent))
    return this.#extentIn(row)
  }

  async at(position: number): Promise<Uint8Array | 'gone' | undefined> {
    const { statements } = this.#options
    const [row] = await this.#confirmed(() => this.#read(statements.at(position)))
    const { first, last } = this.#extentIn(row)
    if (position < first) return 'gone'
    if (position > last) return undefined
    return this.#entryIn(row!, position)
  }

  async read(after: number): Promise<Followed> {
    const { statements } = this.#options
    // Entries that are not durable yet are confirmed; nothing needs no proof.
    const rows = await this.#read(statements.read(after))
    const { first } = this.#extentIn(rows[0])
    if (after + 1 < first) return 'gone'
    if (rows[0]!['position'] === null) return []
    await this.#confirm()
    return rows.map((row, i) => {
      const position = after + 1 + i
      if (Number(row['position']) !== position) throw this.#missing(position)
      return this.#entryIn(row, position)
    })
  }

  async trim(upto: number): Promise<void> {
    const { reads, statements } = this.#options
    await reads.query(statements.trim(upto))
    while ((await reads.query(statements.forget)).count > 0);
  }

  announce(last: number): void {
    const { reads, statements } = this.#options
    reads.query(statements.announce(last)).catch(() => undefined)
  }

  async close(): Promise<void> {
    const { appends, confirms, reads } = this.#options
    for (const primary of [appends, confirms, reads]) primary.close()
  }

  async #confirmed(read: () => Promise<readonly Row[]>): Promise<readonly Row[]> {
    const rows = await read()
    await this.#confirm()
    return rows
  }

  async #read(query: Query): Promise<readonly Row[]> {
    const { reads } = this.#options
    try {
      return (await reads.query(query)).rows
    } catch (error) {
      // The host may be gone without a word.
      if (!(error instanceof SqlFault)) this.#drop()
      throw error
    }
  }

  /** All who wait for one that has not begun share it. */
  #confirm(): Promise<void> {
    if (this.#confirming === undefined) return (this.#confirming = this.#begin())
    return (this.#nextConfirm ??= this.#confirming
      .catch(() => undefined)
      .then(() => {
        this.#nextConfirm = undefined
        return (this.#confirming = this.#begin())
      }))
  }

  async #begin(): Promise<void> {
    const { confirms, statements, place } = this.#options
    try {
      const { count, warning } = await this.#write(confirms, statements.confirm)
      if (warning !== undefined) throw awayError(place, warning)
      if (count === 0) throw awayError(place, 'the server has no synchronous standbys now')
    } finally {
      this.#confirming = undefined
    }
  }

  async #write(primary: Primary, query: Query): Promise<Answer> {
    try {
      return await primary.query(query)
    } catch (error) {
      if (!(error instanceof SqlFault)) await this.#lookAfter(primary)
      throw error
    }
  }

  /**
   * A write without an answer: its server waits for a standby, or was replaced by another, or is
   * away, or never got it. A connection that waits is kept, lest each try leaves one more behind.
   */
  async #lookAfter(primary: Primary): Promise<void> {
    const { reads, statements } = this.#options
    try {
      const processId = await primary.processId()
      if (processId === undefined) return
      const isActive = (await this.#read(statements.isActive(processId))).length > 0
      if (!isActive) primary.drop()
      else if (await reads.isElsewhere()) this.#drop()
    } catch {
      // The read has dropped them all.
    }
  }

  /** What is under way there goes on, or not; nothing is heard of it. */
  #drop(): void {
    const { appends, confirms, reads } = this.#options
    for (const primary of [appends, confirms, reads]) primary.drop()
  }

  #extentIn(row: Row | undefined): Extent {
    const [first, last] = [Number(row?.['first']), Number(row?.['last'])]
    if (Number.isSafeInteger(first) && Number.isSafeInteger(last) && first >= 1) {
      return { first, last }
    }
    throw new DstoreError('integrity', `${this.place}: the journal's table says no end`)
  }

  #entryIn(row: Row, position: number): Uint8Array {
    const { entry } = row
    if (typeof entry !== 'string') throw this.#missing(position)
    return new Uint8Array(Buffer.from(entry, 'base64'))
  }

  #missing(position: number): DstoreError {
    return new DstoreError('integrity', `${this.place}: entry ${position} is missing`)
  }
}

/** These are said before anything is committed; whatever else is said leaves doubt. */
function refusalOf(place: string, error: unknown): unknown {
  if (!(error instanceof SqlFault)) return error
  const isFull = /^53[14]/.test(error.state)
  if (!isFull) return error
  const hint = 'free some space on the disks of the servers'
  const fault = new DstoreError('no-space', `${place}: ${error.message}`, { hint })
  return new AppendError('not-appended', fault)
}
