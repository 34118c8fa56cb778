/** Records of entries, one behind another. */
import { Spool } from '../../spool.ts'
import {
  RECORD_HEAD_BYTES,
  bodyBytes,
  decodeRecord,
  encodeRecord,
  type EntryRecord,
} from './entry-record.ts'

export class RecordFile {
  readonly #spool: Spool

  /** A temporary file is made in this folder, by default that of the system. */
  constructor(folder?: string) {
    this.#spool = new Spool(folder)
  }

  /** Returns where it is. Errors: `unwritable`, `no-space`. */
  append(record: EntryRecord): number {
    return this.#spool.append(encodeRecord(record))
  }

  read(at: number): EntryRecord {
    const head = this.#spool.read(at, RECORD_HEAD_BYTES).slice()
    return decodeRecord(head, this.#spool.read(at + RECORD_HEAD_BYTES, bodyBytes(head)))
  }

  close(): void {
    this.#spool.close()
  }
}
