/** A journal in a stream of JetStream: the position of an entry is the sequence of its message. */
import type { NatsConnection } from '@nats-io/transport-node'
import { deadline, untilAborted } from '../../deadline.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { JOURNAL_INLINE_BYTES, JOURNAL_OBJECT_MS } from '../../limits.ts'
import { batchLength } from '../engine/batches.ts'
import { type Engine, type OnMoved, awayError } from '../engine/engine.ts'
import { AppendError, type Extent, type Followed } from '../journal.ts'
import { type NatsFault, type StoredMessage, type StreamInfo, NATS_CODES } from './answers.ts'
import type { JetStream } from './jetstream.ts'
import { decodeReference, encodeReference } from './large-entries.ts'
import type { EntryReference, LargeEntries } from './large-entries.ts'
import type { StreamNames } from './stream.ts'

export interface NatsEngineOptions {
  readonly place: string
  readonly connection: NatsConnection
  readonly jetStream: JetStream
  readonly names: StreamNames
  /** Undefined: entries that are too large for a message are refused. */
  readonly large: LargeEntries | undefined
  readonly onMoved: OnMoved
}

/** How often a position is looked at whose reads contradict each other. */
const LOOKS = 4

export class NatsEngine implements Engine {
  readonly #options: NatsEngineOptions

  constructor(options: NatsEngineOptions) {
    this.#options = options
    const { connection, names, onMoved } = options
    connection.subscribe(names.moved, {
      callback: (error, message) => {
        if (error === null) onMoved(Number(message.string()))
      },
    })
  }

  get place(): string {
    return this.#options.place
  }

  async append(after: number, entry: Uint8Array): Promise<'ok' | 'refused'> {
    const { jetStream, names, large, place } = this.#options
    let subject = names.entries
    let data = entry
    if (entry.byteLength > JOURNAL_INLINE_BYTES) {
      if (large === undefined) throw tooLarge(place, entry.byteLength)
      subject = names.references
      data = encodeReference(await putFirst(large, after + 1, entry))
    }
    const answer = await jetStream.publish(subject, after, data)
    if ('fault' in answer) return refusalOf(place, answer.fault)
    if (answer.sequence === after + 1) return 'ok'
    const message = `${place}: entry ${after + 1} was acknowledged as ${answer.sequence}`
    throw new DstoreError('protocol', message)
  }

  async extent(): Promise<Extent> {
    return (await this.#info()).extent
  }

  async at(position: number): Promise<Uint8Array | 'gone' | undefined> {
    for (let i = 0; i < LOOKS; i++) {
      const message = await this.#options.jetStream.message(position)
      if (message !== undefined) {
        const entry = await this.#entryOf(message, position)
        if (entry !== undefined) return entry
        // Its object is missing: the message is, too, by now.
        continue
      }
      const { first, last } = (await this.#info()).extent
      if (position < first) return 'gone'
      if (position > last) return undefined
    }
    const message = `${this.place}: entry ${position} is missing from the journal`
    throw new DstoreError('integrity', message)
  }

  async read(after: number): Promise<Followed> {
    const messages = await this.#options.jetStream.batch(after + 1)
    const [first] = messages
    if (first === undefined) return (await this.#isTrimmed(after + 1)) ? 'gone' : []
    if (first.sequence > after + 1) return this.#gap(after + 1)
    const inline = messages.findIndex(({ sequence, subject }, i) => {
      return sequence !== after + 1 + i || subject !== this.#options.names.entries
    })
    if (inline === 0) {
      // Alone: it may be as large as all others together.
      const entry = await this.at(after + 1)
      return entry === 'gone' || entry === undefined ? 'gone' : [entry]
    }
    const entries = messages.slice(0, inline === -1 ? undefined : inline).map(({ data }) => data)
    return entries.slice(0, batchLength(entries.map(({ byteLength }) => byteLength)))
  }

  async trim(upto: number): Promise<void> {
    await this.#options.jetStream.purge(upto + 1)
    await this.#options.large?.trim(upto)
  }

  announce(last: number): void {
    try {
      this.#options.connection.publish(this.#options.names.moved, `${last}`)
    } catch {
      // Followers look by themselves.
    }
  }

  close(): Promise<void> {
    return this.#options.connection.close()
  }

  async #info(): Promise<StreamInfo> {
    const info = await this.#options.jetStream.info()
    if (info === undefined) throw awayError(this.place, 'the stream of the journal is not there')
    if (info.isHeard) return info
    throw awayError(this.place, 'the leader of the journal does not hear from a majority')
  }

  /** Undefined if it is in an object that is missing. */
  async #entryOf(
    { subject, data }: StoredMessage,
    position: number,
  ): Promise<Uint8Array | undefined> {
    const { names, large } = this.#options
    if (subject === names.entries) return data
    const reference = decodeReference(position, data)
    if (large !== undefined) return large.get(position, reference)
    const message = `${this.place}: entry ${position} is in a bucket, and none was stated`
    throw new DstoreError('incompatible', message)
  }

  /** A member that answers with a later message has trimmed the one that was asked for. */
  async #gap(position: number): Promise<Followed> {
    const entry = await this.at(position)
    if (entry === 'gone') return 'gone'
    return entry === undefined ? [] : [entry]
  }

  /** A member without messages from here on says the same whether they were trimmed or not yet. */
  async #isTrimmed(position: number): Promise<boolean> {
    return position < (await this.#info()).extent.first
  }
}

/** An object alone is no entry: where it fails, no message was sent, and others go on. */
async function putFirst(
  large: LargeEntries,
  position: number,
  entry: Uint8Array,
): Promise<EntryReference> {
  const limit = deadline(JOURNAL_OBJECT_MS, `${large.place} did not take a large entry`)
  try {
    return await untilAborted(large.put(position, entry, limit.signal), limit.signal)
  } catch (error) {
    throw new AppendError('not-appended', asDstoreError(error))
  } finally {
    limit.clear()
  }
}

/** Certain of this message: the leader looks at these before it proposes the message to others. */
function refusalOf(place: string, { code, description }: NatsFault): 'refused' {
  switch (code) {
    case NATS_CODES.wrongLastSequence:
    case NATS_CODES.undecided:
      return 'refused'
    case NATS_CODES.messageTooLarge:
      throw notAppended('too-large', `${place}: ${description} (${code})`)
    case NATS_CODES.insufficientResources:
    case NATS_CODES.storageFull:
      throw notAppended('no-space', `${place}: ${description} (${code})`)
    case NATS_CODES.storeFailed:
      // Each member decides so alike about a bound; a disk that fails is one member's affair.
      if (/^maximum (bytes|messages) exceeded$/.test(description)) {
        throw notAppended('no-space', `${place}: ${description} (${code})`)
      }
  }
  throw awayError(place, `${description} (${code})`)
}

const notAppended = (code: 'no-space' | 'too-large', message: string): AppendError =>
  new AppendError('not-appended', new DstoreError(code, message, { hint: HINTS[code] }))

const HINTS = {
  'no-space': 'give the servers more room: max_file, or max_bytes of the account or the stream',
  'too-large': 'set max_payload: 1MB, the default, on every server',
} as const

const tooLarge = (place: string, bytes: number): AppendError => {
  const message = `${place}: an entry of ${bytes} bytes is too large for a message`
  const hint = 'state the bucket of the set'
  return new AppendError('not-appended', new DstoreError('too-large', message, { hint }))
}
