/**
 * Bytes to entries, strictly (specs/009-journal.md, "Entries"). What is returned refers to the
 * bytes, which must not change. Memory grows with what has been read and found right, not with
 * counts.
 */
import { toHex } from '../bytes.ts'
import { DstoreError } from '../errors.ts'
import {
  JOURNAL_CHANGES,
  JOURNAL_ENTRY_BYTES,
  JOURNAL_EPOCHS,
  JOURNAL_PARTS,
  RECORD_ID_BYTES,
  RECORD_VALUE_BYTES,
  SMALL_VALUE_BYTES,
} from '../limits.ts'
import { ByteReader } from './byte-reader.ts'
import { lengthOf } from './encode.ts'
import {
  CHANGE_TYPES,
  type Change,
  type Condition,
  type Entry,
  type EntryBody,
  type EntryHead,
  FORMAT,
  type Increment,
  KINDS,
  LOCATION_BYTES,
  PLACES,
  type RecordKey,
  SET_BYTES,
  type SealedValue,
  TABLES,
  type Table,
  type TransactionChange,
  WRITER_BYTES,
  type Write,
} from './entry.ts'

/** Throws `integrity` for what is no entry, `incompatible` for one of a later format. */
export function decodeEntry(bytes: Uint8Array): Entry {
  if (bytes.byteLength > JOURNAL_ENTRY_BYTES) {
    throw new DstoreError('integrity', `an entry has at most ${JOURNAL_ENTRY_BYTES} bytes`)
  }
  const from = new EntryReader(bytes)
  const entry = from.entry()
  if (from.left > 0) throw from.fault('bytes follow it')
  return entry
}

class EntryReader extends ByteReader {
  #parts = 0

  entry(): Entry {
    const format = this.u8()
    if (format !== FORMAT) {
      const message = `the journal has an entry of format ${format}, not ${FORMAT}`
      const hint = 'use the version of dstore that wrote it'
      throw format > FORMAT
        ? new DstoreError('incompatible', message, { hint })
        : this.fault(message)
    }
    const kind = this.oneOf('a kind', KINDS)
    return { head: this.#head(), body: this.#body(kind) }
  }

  #head(): EntryHead {
    const set = this.raw(SET_BYTES)
    const epoch = this.u64('an epoch')
    const writer = this.raw(WRITER_BYTES)
    const number = this.u64('a number')
    const position = this.u64('a position')
    const acknowledged = this.u64('an acknowledged position')
    if (epoch === 0 || epoch > JOURNAL_EPOCHS) throw this.fault(`the epoch ${epoch}`)
    if (position === 0) throw this.fault('the position 0')
    if (acknowledged >= position) throw this.fault(`${acknowledged} acknowledged at ${position}`)
    return { set, epoch, writer, number, position, acknowledged, before: this.raw(32) }
  }

  #body(kind: (typeof KINDS)[number]): EntryBody {
    if (kind !== 'changes') return { kind }
    const count = this.u32()
    if (count === 0 || count > JOURNAL_CHANGES) throw this.fault(`${count} changes`)
    const changes: Change[] = []
    for (let i = 0; i < count; i++) changes.push(this.#change())
    return { kind, changes }
  }

  #change(): Change {
    const type = this.oneOf('a change of type', CHANGE_TYPES)
    switch (type) {
      case 'transaction':
        return this.#transaction()
      case 'trim':
        return { type, upto: this.u64('a seq') }
      case 'damaged':
        return { type, location: this.#location() }
      case 'replace':
        return { type, location: this.#location(), by: this.#value() }
    }
  }

  #transaction(): TransactionChange {
    return {
      type: 'transaction',
      conditions: this.#list(() => this.#condition()),
      writes: this.#list(() => this.#write()),
      increments: this.#list(() => this.#increment()),
      entry: this.#maybe('a log entry'),
      adopt: this.#list(() => this.#value()),
      release: this.#list(() => this.#location()),
    }
  }

  #list<T>(read: () => T): T[] {
    const count = this.u32()
    this.#parts += count
    if (this.#parts > JOURNAL_PARTS) throw this.fault(`more than ${JOURNAL_PARTS} parts`)
    const list: T[] = []
    for (let i = 0; i < count; i++) list.push(read())
    return list
  }

  #condition(): Condition {
    const kind = this.oneOf('a condition', ['version', 'presence', 'range'] as const)
    if (kind === 'range') {
      const { table, id } = this.#idIn(0)
      return { table, noneWithPrefix: id }
    }
    const key = this.#key()
    return kind === 'presence' ? { present: key } : { key, version: this.u64('a version') }
  }

  #write(): Write {
    return { key: this.#key(), value: this.#maybe('a record') }
  }

  #increment(): Increment {
    const key = this.#key()
    if (key.table !== 'meta') throw this.fault(`a counter in ${key.table}`)
    return { key, by: this.i64('an increment') }
  }

  #key(): RecordKey {
    return this.#idIn(1)
  }

  #idIn(least: number): { readonly table: Table; readonly id: Uint8Array } {
    const table = this.oneOf('a table', TABLES)
    const length = this.u16()
    if (length < least || length > RECORD_ID_BYTES) throw this.fault(`an id of ${length} bytes`)
    return { table, id: this.raw(length) }
  }

  #maybe(what: string): Uint8Array | undefined {
    const isThere = this.u8()
    if (isThere > 1) throw this.fault(`${isThere} in place of 0 or 1`)
    if (isThere === 0) return undefined
    const length = this.u32()
    if (length > RECORD_VALUE_BYTES) throw this.fault(`${what} of ${length} bytes`)
    return this.raw(length)
  }

  #value(): SealedValue {
    const location = this.#location()
    const size = this.u64('a size')
    const outboardBytes = this.u64('a length')
    const place = this.oneOf('a place', PLACES)
    const length = lengthOf(size, outboardBytes, place)
    if (length > SMALL_VALUE_BYTES) throw this.fault(`${length} bytes for the records`)
    return { location, size, outboardBytes, place, bytes: this.raw(length) }
  }

  #location(): string {
    return toHex(this.raw(LOCATION_BYTES))
  }
}
