/** Uploads an inactive store to Global: carries out the steps of an `UploadPlan` (R007-149). */
import { setMaxListeners } from 'node:events'
import { equal, gather } from '../../bytes.ts'
import { pause } from '../../deadline.ts'
import { DstoreError, asDstoreError, type ErrorCode } from '../../errors.ts'
import { hash } from '../../hash/hasher.ts'
import { Key } from '../../hash/key.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import { keyNames } from '../calls/names/key-names.ts'
import { decodeBinding, type NameRecord } from '../../index/records/name-record.ts'
import { decodeKey, nameRow } from '../../index/records/record.ts'
import { INLINE_VALUE_BYTES } from '../../limits.ts'
import type { Row } from '../../store/store.ts'
import { verifiedBytes } from '../../transfer/piece-reader.ts'
import type { CallOptions, InactiveUpload, UploadSummary } from '../node.ts'
import { RETRY_MS, Retry } from '../swarm/retry.ts'
import type { Destination, NamedAs } from './destination.ts'
import type { ReadableStore } from './readable-store.ts'
import { UploadPlan, type Outcome, type Step, type StoredEntry } from './upload-plan.ts'
import { pagesOf, verifyUpload } from './verify-upload.ts'

/** Failures that concern one name. Any other of Global would also fail the rest. */
const OF_A_NAME: ReadonlySet<ErrorCode> = new Set(['conflict', 'usage', 'too-large'])

const CONTINUE = 'repeat `dstore join --with-data` to continue where it ended'

export interface StoreUploadOptions {
  readonly store: ReadableStore
  readonly to: Destination
  readonly call: CallOptions & { readonly signal: AbortSignal }
  readonly emit: (event: InactiveUpload) => void
  /** Resolves when events are read, so that they do not pile up. */
  readonly room: () => Promise<void>
}

/** The values of the store that could not be read. */
class Damaged extends Error {}

export class StoreUpload {
  readonly #options: StoreUploadOptions
  readonly #plan = new UploadPlan()
  readonly #retry = new Retry({ now: () => performance.now(), hint: CONTINUE })
  /** Bytes of large values in progress that Global has or is being sent. */
  readonly #partBytes = new Map<Step, number>()
  #sentBytes = 0
  /** Aborted with the first failure, which ends the requests in progress. */
  readonly #abandoned = new AbortController()
  /** The options of every request. */
  readonly #call: StoreUploadOptions['call']
  #verified: { readonly values: number; readonly doneBytes: number } | undefined

  constructor(options: StoreUploadOptions) {
    this.#options = options
    const { call } = options
    this.#call = { ...call, signal: AbortSignal.any([call.signal, this.#abandoned.signal]) }
    // Every request in progress listens to it; Node would warn of a leak.
    setMaxListeners(0, this.#call.signal)
  }

  /** How far it is. */
  get progress(): InactiveUpload {
    const { values: totalValues, valueBytes: totalBytes } = this.#options.store.contents
    const totals = { totalValues, totalBytes }
    if (this.#verified !== undefined) {
      return { type: 'progress', phase: 'verify', ...this.#verified, ...totals }
    }
    const { values, valueBytes } = this.#plan.counts
    let doneBytes = valueBytes
    for (const bytes of this.#partBytes.values()) doneBytes += bytes
    return { type: 'progress', phase: 'upload', values, doneBytes, ...totals }
  }

  async run(): Promise<UploadSummary> {
    const { store, to, call, emit } = this.#options
    await this.#uploadAll()
    this.#verified = { values: 0, doneBytes: 0 }
    const verified = await verifyUpload({
      store,
      to,
      call,
      persist: (ask) => this.#persist(ask),
      onProgress: (values, doneBytes) => {
        this.#verified = { values, doneBytes }
        emit(this.progress)
      },
    })
    const { sentValues } = this.#plan.counts
    return { ...verified, sentValues, sentBytes: this.#sentBytes }
  }

  async #uploadAll(): Promise<void> {
    const { store, room } = this.#options
    const pages = pagesOf(store, 'keys')
    const running = new Set<Promise<void>>()
    const start = (step: Step): void => {
      const done = this.#carryOut(step)
        .then((outcome) => this.#plan.settle(step, outcome))
        .catch((error: unknown) => this.#abandoned.abort(error))
        .finally(() => {
          running.delete(done)
          this.#partBytes.delete(step)
          this.#options.emit(this.progress)
        })
      running.add(done)
    }
    try {
      let isRead = false
      while (!this.#abandoned.signal.aborted) {
        while (!isRead && this.#plan.hasRoom) {
          const page = await pages.next()
          if (page.done === true) isRead = true
          else await this.#add(page.value)
        }
        await room()
        const step = this.#plan.next()
        if (step !== undefined) start(step)
        else if (running.size > 0) await Promise.race(running)
        else if (this.#plan.isDone) break
        this.#options.call.signal.throwIfAborted()
      }
    } catch (error) {
      this.#abandoned.abort(error)
    }
    await Promise.all(running)
    this.#abandoned.signal.throwIfAborted()
  }

  async #add(rows: readonly Row[]): Promise<void> {
    const entries: StoredEntry[] = []
    for (const { id: digest, ...row } of rows) {
      const found = decodeKey({ id: digest, ...row })
      const { store } = this.#options
      const names = await keyNames(store, digest, found)
      entries.push({ ...found, digest, names, bindings: await bindingsOf(store, names) })
    }
    const digests = entries.map(({ digest }) => digest)
    const known = await this.#persist(() => this.#options.to.has(digests, this.#call))
    this.#plan.add(entries, known)
    this.#options.emit(this.progress)
  }

  async #carryOut(step: Step): Promise<Outcome> {
    const { entry } = step
    const { digest, size } = entry
    const key = new Key(digest)
    const { to, emit } = this.#options
    const as = step.type === 'offer' || step.name === undefined ? undefined : namedAs(step)
    if (as?.naming?.expiresMs === 0) {
      emit({ type: 'refused', name: as.name, key, reason: 'it has expired' })
      return { type: 'refused-name' }
    }
    try {
      switch (step.type) {
        case 'offer': {
          const isThere = await this.#persist(() => to.offer(digest, size, this.#call))
          return isThere ? { type: 'stored', existed: true } : { type: 'gone' }
        }
        case 'bind':
          await this.#persist(() => to.bind(as!, digest, this.#call))
          return { type: 'bound' }
        case 'put':
          return { type: 'stored', existed: await this.#persist(() => this.#put(step, as)) }
      }
    } catch (error) {
      if (error instanceof Damaged) {
        emit({ type: 'damaged', key, size })
        return { type: 'damaged' }
      }
      const { code, message } = asDstoreError(error)
      if (code === 'not-found' && step.type === 'bind') return { type: 'gone' }
      if (as === undefined || !OF_A_NAME.has(code)) throw error
      emit({ type: 'refused', name: as.name, key, reason: message })
      return { type: 'refused-name' }
    }
  }

  /** Sends a value. Did it exist? */
  async #put(step: Step & { type: 'put' }, as: NamedAs | undefined): Promise<boolean> {
    const { entry } = step
    const { digest, size, location } = entry
    const { store, to, emit } = this.#options
    const call = this.#call
    if (size <= INLINE_VALUE_BYTES) {
      const bytes = await reading(() =>
        gather(store.read(location, { start: 0, end: size }, call.signal)),
      )
      if (!equal(hash(bytes).digest, digest)) throw new Damaged()
      const existed = await to.putSmall({ digest, bytes }, as, call)
      if (!existed) this.#sentBytes += size
      return existed
    }
    // The reader's failure, which the transfer would report as its own.
    let damage: Damaged | undefined
    const stored = {
      size,
      read: (range: ByteRange, signal?: AbortSignal) => store.read(location, range, signal),
      outboard: (range: ByteRange) => store.outboard(location, range),
    }
    const sent = (bytes: number): void => void (this.#sentBytes += bytes)
    const read = async function* (range: ByteRange): AsyncGenerator<Uint8Array> {
      try {
        for await (const part of verifiedBytes(stored, digest, range, call.signal)) {
          yield part
          sent(part.byteLength)
        }
      } catch (error) {
        throw (damage = isDamage(error) ? new Damaged() : undefined) ?? error
      }
    }
    const outboard = async (range: ByteRange): Promise<Uint8Array> => {
      try {
        return await stored.outboard(range)
      } catch (error) {
        throw (damage = isDamage(error) ? new Damaged() : undefined) ?? error
      }
    }
    const onProgress: CallOptions['onProgress'] = ({ doneBytes }) => {
      this.#partBytes.set(step, doneBytes)
      this.#retry.progress()
      emit(this.progress)
    }
    const source = { digest, size, read, outboard }
    try {
      return await to.putLarge(source, as, { ...call, onProgress })
    } catch (error) {
      throw damage ?? error
    }
  }

  /** Repeats a request while Global is away, for as long as a put waits for it. */
  async #persist<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const answer = await ask()
        this.#retry.progress()
        return answer
      } catch (error) {
        if (error instanceof Damaged) throw error
        const { signal } = this.#call
        signal.throwIfAborted()
        const failure = this.#retry.failed(asDstoreError(error))
        if (failure !== undefined) throw failure
        await pause(RETRY_MS, signal)
        signal.throwIfAborted()
      }
    }
  }
}

/** How these names are bound, where they are not plain fixed ones. */
async function bindingsOf(
  store: ReadableStore,
  names: readonly string[],
): Promise<Map<string, NameRecord>> {
  const rows = await store.rows(names.map(nameRow))
  const records = rows.map((row) => row && decodeBinding(row))
  const found = names.map((name, i) => [name, records[i]] as const)
  return new Map(
    found.filter((one): one is [string, NameRecord] => {
      const [, record] = one
      return record !== undefined && (record.tag === true || record.expiresMs !== undefined)
    }),
  )
}

/** The name of a step as it is bound in the store; with no time left, it has expired. */
function namedAs({
  entry,
  name,
}: {
  readonly entry: StoredEntry
  readonly name?: string | undefined
}): NamedAs {
  const { tag, expiresMs } = entry.bindings?.get(name!) ?? {}
  if (tag !== true && expiresMs === undefined) return { name: name! }
  const left = expiresMs === undefined ? undefined : Math.max(0, expiresMs - Date.now())
  const naming = { ...(tag && { tag }), ...(left !== undefined && { expiresMs: left }) }
  return { name: name!, naming }
}

const isDamage = (error: unknown): boolean =>
  error instanceof DstoreError && (error.code === 'integrity' || error.code === 'unreadable')

async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw isDamage(error) ? new Damaged() : error
  }
}
