/** The calls of the daemon's API about pins (specs/007, "Pins"). */
import type { Progress } from '../../../node/node.ts'
import type { PinLine, UnpinnedAnswer } from '../../api/api.ts'
import type { HttpClient, RequestParts } from '../http-client.ts'
import { known } from '../names/known.ts'
import { documents, json, result, type DaemonResponse } from '../response.ts'
import { segment } from '../value-path.ts'

/** What a call of `pin` takes besides its word. */
export interface PinCall {
  /** Bytes per second. */
  readonly maxRate?: number | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export class PinClient {
  readonly #http: HttpClient

  constructor(http: HttpClient) {
    this.#http = http
  }

  /** Resolves when everything that the word stands for is held. */
  async pin(word: string, { maxRate, onProgress }: PinCall = {}): Promise<PinLine> {
    const query = { 'max-rate': maxRate?.toString() }
    const parts = { query, response: 'stream', isRepeatable: true } as const
    return result(await this.#call('PUT', pinPath(word), parts), onProgress)
  }

  async unpin(word: string): Promise<UnpinnedAnswer> {
    return json(await this.#call('DELETE', pinPath(word)))
  }

  async get(word: string): Promise<PinLine> {
    return json(await this.#call('GET', pinPath(word)))
  }

  async *list(): AsyncGenerator<PinLine> {
    yield* documents<PinLine>(await this.#call('GET', '/v1/pins', { headers: { TE: 'trailers' } }))
  }

  #call(method: string, path: string, parts?: RequestParts): Promise<DaemonResponse> {
    return known('pins', this.#http.call(method, path, parts))
  }
}

const pinPath = (word: string): string => `/v1/pins/${segment(word)}`
