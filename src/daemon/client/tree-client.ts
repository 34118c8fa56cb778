/** The calls of the daemon's API that store trees (specs/007, "HTTP API"; 008, "Rules: holds"). */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { HTTP_JSON_BYTES } from '../../limits.ts'
import { batchesOf } from '../../node/calls/batches.ts'
import type { HoldAnswer, MadeLine, PutAnswer } from '../api/api.ts'
import type { HttpClient } from './http-client.ts'
import { putQuery, type PutKeeper } from './names/terms.ts'
import { documents, json } from './response.ts'
import { segment } from './value-path.ts'

export class TreeClient {
  readonly #http: HttpClient

  constructor(http: HttpClient) {
    this.#http = http
  }

  async openHold(): Promise<string> {
    try {
      const response = await this.#http.call('POST', '/v1/holds', REPEATABLE)
      return (await json<HoldAnswer>(response)).hold
    } catch (error) {
      // A daemon of an earlier version knows no such path.
      if (asDstoreError(error).code !== 'usage') throw error
      throw new DstoreError('incompatible', 'the daemon is of a version without directories', {
        hint: '`dstore stop` ends it, and the next command starts one of this version',
      })
    }
  }

  async releaseHold(hold: string): Promise<void> {
    await json<HoldAnswer>(await this.#http.call('DELETE', holdPath(hold), REPEATABLE))
  }

  /** Which of the keys exist, in the same order. The hold keeps those that do. */
  present(hold: string, keys: readonly string[]): Promise<boolean[]> {
    return this.#lines<boolean>(`${holdPath(hold)}/present`, keys)
  }

  makeDirectories(hold: string, keys: readonly string[]): Promise<MadeLine[]> {
    return this.#lines<MadeLine>(`${holdPath(hold)}/directories`, keys)
  }

  /** Commits the root of a tree, and ends the hold. */
  async commit(
    hold: string,
    key: string,
    { name, naming }: Omit<PutKeeper, 'hold'> = {},
  ): Promise<PutAnswer> {
    const query = { hold, name, ...putQuery(naming) }
    // A hold ends with its first commit: a repeat is answered from that, and moves no tag again.
    const parts = { query, body: JSON.stringify({ key }), ...REPEATABLE }
    return json(await this.#http.call('POST', '/v1/trees', parts))
  }

  /** The lines about all keys, asked for in few requests. */
  async #lines<Line>(path: string, keys: readonly string[]): Promise<Line[]> {
    const lines: Line[] = []
    for (const batch of batchesOf(keys, bytesInList, HTTP_JSON_BYTES - 64)) {
      const parts = { body: JSON.stringify({ keys: batch }), headers: TRAILERS, ...REPEATABLE }
      const response = await this.#http.call('POST', path, parts)
      for await (const line of documents<Line>(response)) lines.push(line)
    }
    return lines
  }
}

const REPEATABLE = { isRepeatable: true } as const

const TRAILERS = { TE: 'trailers' } as const

const holdPath = (hold: string): string => `/v1/holds/${segment(hold)}`

/** Bytes that a key adds to a list in JSON. */
const bytesInList = (key: string): number => key.length + 3
