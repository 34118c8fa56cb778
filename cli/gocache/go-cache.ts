/** Answers the go command from the folder of this machine and from dstore (R010-40 to R010-45). */
import { asDstoreError, type DstoreError } from '../../src/errors.ts'
import type { GoFolder } from './folder.ts'
import type { GoStore, StoredEntry } from './go-store.ts'
import type { HeldFiles } from './held-files.ts'
import type { BodySink, GoRequest, GoResponse, PutRequest, RequestSink } from './protocol.ts'
import type { Uploads } from './uploads.ts'

export interface GoCacheOptions {
  readonly folder: GoFolder
  readonly store: GoStore
  readonly held: HeldFiles
  readonly uploads: Uploads
  readonly respond: (response: GoResponse) => void
  /** The go command asks to end; the response to that is for the caller to send. */
  readonly onClose: (id: number) => void
  /** An entry that dstore has could not be had. */
  readonly onFault: (error: DstoreError) => void
}

type GetRequest = Extract<GoRequest, { readonly command: 'get' }>

/** What it did. */
export interface GoCounts {
  /** Hits in the folder. */
  local: number
  /** Hits in dstore. */
  stored: number
  misses: number
  puts: number
}

export class GoCache implements RequestSink {
  readonly counts: GoCounts = { local: 0, stored: 0, misses: 0, puts: 0 }
  readonly #options: GoCacheOptions
  readonly #gets = new Set<Promise<void>>()

  constructor(options: GoCacheOptions) {
    this.#options = options
  }

  request(request: Exclude<GoRequest, PutRequest>): void {
    if (request.command === 'close') return this.#options.onClose(request.id)
    const get = this.#get(request).finally(() => this.#gets.delete(get))
    this.#gets.add(get)
  }

  put({ id, action, output, size }: PutRequest): BodySink {
    const { folder, uploads, respond } = this.#options
    const body = folder.newOutput()
    let fault: DstoreError | undefined
    const orFail = (work: () => void): void => {
      // The rest of the body still comes.
      if (fault !== undefined) return
      try {
        work()
      } catch (error) {
        fault = asDstoreError(error)
        body.discard()
        respond({ id, error: fault.message })
      }
    }
    return {
      write: (bytes) => orFail(() => body.write(bytes)),
      end: () =>
        orFail(() => {
          const { path } = body.end(output)
          folder.bind(action, { output, size, time: Date.now(), isStored: false })
          this.counts.puts++
          respond({ id, path })
          uploads.add({ action, output, size, path })
        }),
    }
  }

  /** Resolves when every get so far has its response. */
  async settled(): Promise<void> {
    while (this.#gets.size > 0) await Promise.all(this.#gets)
  }

  async #get({ id, action }: GetRequest): Promise<void> {
    const { folder, uploads, store, respond, onFault } = this.#options
    const local = folder.find(action)
    if (local !== undefined) {
      this.counts.local++
      const { output, size, time, path, isStored } = local
      respond({ id, output, size, time, path })
      // It was put while dstore could not be reached.
      if (!isStored) uploads.add({ action, output, size, path })
      return
    }
    const entry = await store.find(action)
    const found = entry && (await this.#fetch(action, entry).catch(onFaultOf(onFault)))
    if (found === undefined) this.counts.misses++
    else this.counts.stored++
    respond(found === undefined ? { id, isMiss: true } : { id, time: entry!.time, ...found })
  }

  async #fetch(
    action: string,
    entry: StoredEntry,
  ): Promise<Pick<GoResponse, 'output' | 'size' | 'path'> | undefined> {
    const { folder, store, held } = this.#options
    const file = await store.hold(entry)
    if (file !== undefined) return { size: file.size, ...(await held.add(file)) }
    const bytes = await store.read(entry.name)
    if (bytes === undefined) return undefined
    const body = folder.newOutput()
    try {
      for await (const part of bytes) body.write(part)
      const { output, size, path } = body.end()
      folder.bind(action, { output, size, time: entry.time, isStored: true })
      return { output, size, path }
    } catch (error) {
      body.discard()
      throw error
    }
  }
}

const onFaultOf =
  (report: (error: DstoreError) => void) =>
  (error: unknown): undefined => {
    report(asDstoreError(error))
  }
