/** The store of an earlier role in a Local's state directory: searched, uploaded, deleted. */
import { setMaxListeners } from 'node:events'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { Key, parseKey } from '../../hash/key.ts'
import { keyNames } from '../calls/names/key-names.ts'
import { decodeName } from '../../index/records/name-record.ts'
import { decodeKey, keyRow, nameRow } from '../../index/records/record.ts'
import { HTTP_BEAT_MS } from '../../limits.ts'
import type { Log } from '../../log.ts'
import { deleteRest, dropStore } from '../../store/disk/drop-store.ts'
import { ReadOnlyStore } from '../../store/disk/read-only-store.ts'
import type {
  CallOptions,
  DropOptions,
  InactiveStatus,
  InactiveUpload,
  InactiveValue,
  NodeInactive,
} from '../node.ts'
import type { Destination } from './destination.ts'
import type { ReadableStore } from './readable-store.ts'
import { StoreUpload } from './upload-store.ts'
import { verifyUpload } from './verify-upload.ts'

/** Events that wait for their reader. Progress is not among them: only the last one is kept. */
const EVENTS_AHEAD = 256

export interface InactiveStoreOptions {
  /** The state directory. */
  readonly directory: string
  /** The store, or why it cannot be read. */
  readonly opened: ReadableStore | DstoreError
  readonly to: Destination
}

/** Opens the store of a state directory, if it has one; a fault is logged and kept. */
export async function openInactive(
  directory: string,
  log: Log,
): Promise<InactiveStoreOptions['opened'] | undefined> {
  try {
    await deleteRest(directory)
    return await ReadOnlyStore.open(directory)
  } catch (error) {
    const fault = asDstoreError(error)
    log.error('the store of this directory cannot be read', { error: fault.message })
    return fault
  }
}

export class InactiveStore implements NodeInactive {
  readonly #options: InactiveStoreOptions
  /** Undefined once it is deleted. */
  #opened: ReadableStore | DstoreError | undefined
  #isBusy = false

  constructor(options: InactiveStoreOptions) {
    this.#options = options
    this.#opened = options.opened
  }

  /** Undefined if there is nothing in it. */
  get status(): InactiveStatus | undefined {
    const opened = this.#opened
    if (opened === undefined) return undefined
    if (opened instanceof DstoreError) return { ...EMPTY, error: opened.message }
    const { values, names } = opened.contents
    return values === 0 && names === 0 ? undefined : opened.contents
  }

  async find(word: Key | string): Promise<InactiveValue | undefined> {
    const store = this.#opened
    if (store === undefined || store instanceof DstoreError) return undefined
    const digest = word instanceof Key ? word.digest : await digestOf(store, word)
    const [row] = digest === undefined ? [] : await store.rows([keyRow(digest)])
    if (digest === undefined || row === undefined) return undefined
    const found = decodeKey(row)
    const names = await keyNames(store, digest, found)
    return { key: new Key(digest), size: found.size, names }
  }

  async *upload(options: CallOptions = {}): AsyncGenerator<InactiveUpload, void, undefined> {
    const store = this.#begin()
    const leaving = new AbortController()
    const signals = options.signal === undefined ? [] : [options.signal]
    const signal = AbortSignal.any([leaving.signal, ...signals])
    // Every request in progress listens to it; Node would warn of a leak.
    setMaxListeners(0, signal)
    const queue: InactiveUpload[] = []
    let latest: InactiveUpload | undefined
    let wake = (): void => undefined
    let freed = (): void => undefined
    const emit = (event: InactiveUpload): void => {
      if (event.type === 'progress') latest = event
      else queue.push(event)
      wake()
    }
    const room = (): Promise<void> =>
      queue.length < EVENTS_AHEAD || signal.aborted
        ? Promise.resolve()
        : new Promise((resolve) => {
            freed = resolve
            signal.addEventListener('abort', () => resolve(), { once: true })
          })
    const { to } = this.#options
    const upload = new StoreUpload({ store, to, call: { ...options, signal }, emit, room })
    let end: { readonly error?: unknown } | undefined
    const run = async (): Promise<void> => {
      try {
        queue.push({ type: 'done', ...(await upload.run()) })
        end = {}
      } catch (error) {
        end = { error }
      }
      wake()
    }
    const running = run()
    try {
      yield upload.progress
      for (;;) {
        const next = queue.shift()
        if (queue.length < EVENTS_AHEAD) freed()
        if (next !== undefined) yield next
        else if (end !== undefined) break
        else if (latest !== undefined) {
          const event = latest
          latest = undefined
          yield event
        } else {
          // The last event again shows that it is in progress, though it gets no further.
          const beat = setTimeout(() => emit(upload.progress), HTTP_BEAT_MS)
          await new Promise<void>((resolve) => (wake = resolve))
          clearTimeout(beat)
        }
      }
      if ('error' in end) throw end.error
    } finally {
      leaving.abort(new DstoreError('cancelled', 'cancelled'))
      await running
      this.#isBusy = false
    }
  }

  async drop({ force = false, ...call }: DropOptions = {}): Promise<InactiveStatus> {
    if (this.#isBusy) throw busy()
    const opened = this.#opened
    if (opened === undefined) throw none()
    this.#isBusy = true
    try {
      const { directory, to } = this.#options
      const isReadable = !(opened instanceof DstoreError)
      if (!force) {
        if (!isReadable) throw opened
        const persist = <T>(ask: () => Promise<T>): Promise<T> => ask()
        const verified = await verifyUpload({ store: opened, to, call, persist })
        const { missingValues, missingNames } = verified
        if (missingValues > 0 || missingNames > 0) throw notAtGlobal(missingValues, missingNames)
      }
      const dropped = this.status ?? EMPTY
      if (isReadable) await opened.close()
      this.#opened = undefined
      await dropStore(directory)
      return dropped
    } finally {
      this.#isBusy = false
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened
    if (opened !== undefined && !(opened instanceof DstoreError)) await opened.close()
  }

  #begin(): ReadableStore {
    if (this.#opened === undefined) throw none()
    if (this.#opened instanceof DstoreError) throw this.#opened
    if (this.#isBusy) throw busy()
    this.#isBusy = true
    return this.#opened
  }
}

const EMPTY: InactiveStatus = { values: 0, valueBytes: 0, names: 0 }

/** The digest of a key, or of the key that a name of the store is bound to. */
async function digestOf(store: ReadableStore, word: string): Promise<Uint8Array | undefined> {
  try {
    return parseKey(word).digest
  } catch {
    if (word === '') return undefined
    const [row] = await store.rows([nameRow(word)])
    return row && decodeName(row)
  }
}

const none = (): DstoreError =>
  new DstoreError('not-found', 'this directory has no store of an earlier role')

const busy = (): DstoreError =>
  new DstoreError('busy', 'the store of this directory is being uploaded or deleted')

function notAtGlobal(values: number, names: number): DstoreError {
  const what = `${values} of its values and ${names} of its names are not at Global`
  return new DstoreError('conflict', `the store is kept: ${what}`, {
    hint: '`dstore join --with-data` uploads them and names what it cannot; --force deletes the store all the same',
  })
}
