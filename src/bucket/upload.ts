/**
 * Uploads a value while it is being written, then its outboard, as one object. It is made of parts;
 * what fits into one part is one request (specs/011-archive.md, "Rules: objects of values").
 */
import { concat, equal } from '../bytes.ts'
import { pause } from '../deadline.ts'
import { DstoreError } from '../errors.ts'
import type { ByteRange } from '../hash/tree/tree.ts'
import { ARCHIVE_LARGE_PART_BYTES, ARCHIVE_PARTS, ARCHIVE_PARTS_AHEAD, KIB } from '../limits.ts'
import { fault } from './faults.ts'
import type { ObjectStore, UnfinishedUpload, UploadedPart } from './object-store.ts'
import { partBytes } from './parts.ts'

/** Reads what is to be uploaded. */
export interface PartSource {
  /** Exactly these bytes. */
  read(range: ByteRange): Promise<Uint8Array>
}

export interface UploadOptions {
  /** Bytes of the value, where they are known at the beginning. */
  readonly size?: number
  /** Waits before a part is tried again, for tests. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Pauses before a part is tried again, in milliseconds; each try is three requests. */
const AGAIN_MS = [1_000, 4_000]

/** How much of the end of two objects is compared. */
const COMPARED_BYTES = 64 * KIB

/** One call of `grow` or `complete` at a time; `abort` at any moment. */
export class ObjectUpload {
  readonly #objects: ObjectStore
  readonly #key: string
  readonly #size: number | undefined
  readonly #wait: (ms: number, signal: AbortSignal) => Promise<void>
  readonly #stop = new AbortController()
  readonly #parts: UploadedPart[] = []
  readonly #underWay = new Set<Promise<void>>()
  #bytesUnderWay = 0
  /** The next part, and where it begins in value and outboard together. */
  #number = 1
  #start = 0
  #upload: UnfinishedUpload | undefined
  #hasBegun = false
  /** The object may be there, or come. */
  #mayExist = false
  #isComplete = false
  #failure: DstoreError | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(objects: ObjectStore, key: string, { size, wait = pause }: UploadOptions = {}) {
    this.#objects = objects
    this.#key = key
    this.#size = size
    this.#wait = wait
  }

  /**
   * The source has this many bytes now. Uploads whole parts that more follows; resolves when they
   * are read, and waits for those under way where they are too many. Errors: those of a part.
   */
  grow(source: PartSource, bytes: number): Promise<void> {
    return this.#run(async () => {
      while (bytes - this.#start > this.#nextBytes) {
        await this.#send(this.#nextBytes, (range) => readExactly(source, range))
      }
    })
  }

  /** Uploads what is left and the outboard. The object is there, durably, when this resolves. */
  complete(source: PartSource, bytes: number, outboard: Uint8Array): Promise<void> {
    return this.#run(async () => {
      const total = bytes + outboard.byteLength
      const read = async ({ start, end }: ByteRange): Promise<Uint8Array> => {
        const value = { start: Math.min(start, bytes), end: Math.min(end, bytes) }
        const rest = outboard.subarray(Math.max(0, start - bytes), Math.max(0, end - bytes))
        if (value.start === value.end) return rest
        const head = await readExactly(source, value)
        return rest.byteLength === 0 ? head : concat([head, rest])
      }
      while (total - this.#start > this.#nextBytes) await this.#send(this.#nextBytes, read)
      const end = { start: this.#start, end: total }
      if (this.#number === 1) await this.#putWhole(await read(end))
      else {
        await this.#send(total - this.#start, read)
        await this.#join(total, () =>
          read({ start: Math.max(0, total - COMPARED_BYTES), end: total }),
        )
      }
      this.#isComplete = true
    })
  }

  /**
   * Ends what is under way, and deletes what is in the bucket, as far as that answers: never
   * rejects. Does nothing once `complete` has resolved, as the object is the value's from then on.
   */
  async abort(): Promise<void> {
    if (this.#isComplete) return
    this.#fail(new DstoreError('cancelled', 'the upload was aborted'))
    await Promise.allSettled([this.#running, ...this.#underWay])
    // A call that was on its way to the end has made the object a value's.
    if (this.#isComplete) return
    await Promise.allSettled([this.#abortParts(), this.#removeObject()])
  }

  get #nextBytes(): number {
    return partBytes(this.#number, this.#size)
  }

  async #run(work: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const running = work().catch((error: unknown) => {
      throw this.#fail(error)
    })
    this.#running = running
    await running
  }

  /** The first failure ends the upload. */
  #fail(error: unknown): DstoreError {
    this.#failure ??=
      error instanceof DstoreError
        ? error
        : new DstoreError('internal', 'an upload failed', { cause: error })
    this.#stop.abort(this.#failure)
    return this.#failure
  }

  /** Begins to upload the next part, when there is room for it. */
  async #send(bytes: number, read: (range: ByteRange) => Promise<Uint8Array>): Promise<void> {
    const number = this.#number
    if (number > ARCHIVE_PARTS) {
      const most = `more than ${ARCHIVE_PARTS} parts of an object`
      throw fault('too-large', this.#objects.place, `the value would be ${most}`)
    }
    await this.#room(bytes)
    this.#bytesUnderWay += bytes
    const part = { upload: await this.#begun(), number, body: await this.#reading(read, bytes) }
    this.#number++
    this.#start += bytes
    const sent: Promise<void> = this.#sendPart(part)
      .then((uploaded) => void this.#parts.push(uploaded))
      .catch((error: unknown) => void this.#fail(error))
      .finally(() => {
        this.#underWay.delete(sent)
        this.#bytesUnderWay -= bytes
      })
    this.#underWay.add(sent)
  }

  #reading(read: (range: ByteRange) => Promise<Uint8Array>, bytes: number): Promise<Uint8Array> {
    return read({ start: this.#start, end: this.#start + bytes })
  }

  async #room(bytes: number): Promise<void> {
    const isFull = (): boolean =>
      this.#underWay.size >= ARCHIVE_PARTS_AHEAD ||
      (this.#underWay.size > 0 && this.#bytesUnderWay + bytes > ARCHIVE_LARGE_PART_BYTES)
    while (isFull()) await Promise.race(this.#underWay)
    if (this.#failure !== undefined) throw this.#failure
  }

  async #begun(): Promise<UnfinishedUpload> {
    if (this.#upload !== undefined) return this.#upload
    this.#hasBegun = true
    const id = await this.#persist(() => this.#objects.beginUpload(this.#key, this.#stop.signal))
    this.#upload = { key: this.#key, id }
    return this.#upload
  }

  #sendPart(part: {
    readonly upload: UnfinishedUpload
    readonly number: number
    readonly body: Uint8Array
  }): Promise<UploadedPart> {
    const { upload, number, body } = part
    return this.#persist(() => this.#objects.uploadPart(upload, number, body, this.#stop.signal))
  }

  /** Tries again what had no answer. */
  async #persist<T>(run: () => Promise<T>): Promise<T> {
    for (const ms of AGAIN_MS) {
      try {
        return await run()
      } catch (error) {
        const { code } = error as DstoreError
        if (code !== 'unreachable' || this.#stop.signal.aborted) throw error
        await this.#wait(ms, this.#stop.signal)
      }
      if (this.#failure !== undefined) throw this.#failure
    }
    return run()
  }

  async #putWhole(body: Uint8Array): Promise<void> {
    const options = { ifAbsent: true, signal: this.#stop.signal }
    this.#mayExist = true
    const outcome = await this.#persist(() => this.#objects.put(this.#key, body, options))
    if (outcome === 'written') return
    await this.#compare(body.byteLength, async () => body.subarray(-COMPARED_BYTES))
  }

  /** Waits for the parts, and makes one object of them. */
  async #join(total: number, readEnd: () => Promise<Uint8Array>): Promise<void> {
    await Promise.all(this.#underWay)
    if (this.#failure !== undefined) throw this.#failure
    const parts = this.#parts.toSorted((a, b) => a.number - b.number)
    const upload = this.#upload!
    this.#mayExist = true
    const outcome = await this.#persist(() =>
      this.#objects.completeUpload(upload, parts, this.#stop.signal),
    )
    if (outcome === 'exists') await this.#compare(total, readEnd)
  }

  /** Is the object that is there that of an earlier try? */
  async #compare(total: number, readEnd: () => Promise<Uint8Array>): Promise<void> {
    const { signal } = this.#stop
    const size = await this.#objects.size(this.#key, signal)
    const range = { start: Math.max(0, total - COMPARED_BYTES), end: total }
    const found = size === total ? await this.#objects.get(this.#key, { range, signal }) : undefined
    if (found !== undefined && equal(found, await readEnd())) return
    // It is not of this upload, so it stays.
    this.#mayExist = false
    const what = `${this.#key} is there already, and is another object`
    throw fault('integrity', this.#objects.place, what)
  }

  /** Also those of tries of which the answer, and so their id, was lost. */
  async #abortParts(): Promise<void> {
    if (!this.#hasBegun) return
    if (this.#upload !== undefined)
      await this.#objects.abortUpload(this.#upload).catch(() => undefined)
    for (const upload of await this.#objects.unfinished(this.#key)) {
      if (upload.key === this.#key) await this.#objects.abortUpload(upload)
    }
  }

  async #removeObject(): Promise<void> {
    if (this.#mayExist) await this.#objects.remove([this.#key])
  }
}

async function readExactly(source: PartSource, range: ByteRange): Promise<Uint8Array> {
  const bytes = await source.read(range)
  if (bytes.byteLength === range.end - range.start) return bytes
  throw new DstoreError('integrity', 'a value became shorter while it was uploaded')
}
