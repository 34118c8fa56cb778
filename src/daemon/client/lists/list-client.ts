/** The lists of a daemon's API (specs/007, "HTTP API"). */
import { LINES_TYPE, TEXT_TYPE } from '../../api/api.ts'
import type { KeyLine, LevelLine, NameLine, StoreAnswer, UsageLine } from '../../api/api.ts'
import type { HttpClient, RequestParts } from '../http-client.ts'
import { documents, json, wholeLines } from '../response.ts'

/** Which names a list has: see `NamesOptions` of a node. */
export interface NamesQuery {
  readonly after?: string | undefined
  readonly limit?: number | undefined
  readonly match?: string | undefined
}

/** Which keys a list has: see `KeyPagesOptions` of a node. */
export interface KeysQuery {
  readonly prefix?: string | undefined
  readonly limit?: number | undefined
}

/** What one level of names has: see `LevelOptions` of a node. */
export interface LevelQuery {
  readonly after?: string | undefined
  readonly limit?: number | undefined
  readonly delimiter?: string | undefined
}

export class ListClient {
  readonly #http: HttpClient

  constructor(http: HttpClient) {
    this.#http = http
  }

  keys(query: KeysQuery = {}): AsyncGenerator<KeyLine> {
    return this.#documents('/v1/keys', textOf(query))
  }

  names(prefix?: string, query: NamesQuery = {}): AsyncGenerator<NameLine> {
    return this.#documents('/v1/names', { prefix, ...textOf(query) })
  }

  level(
    prefix?: string,
    { delimiter = '/', ...query }: LevelQuery = {},
  ): AsyncGenerator<LevelLine> {
    return this.#documents('/v1/names', { prefix, delimiter, ...textOf(query) })
  }

  usage(prefix?: string, delimiter?: string): AsyncGenerator<UsageLine> {
    return this.#documents('/v1/usage', { prefix, delimiter })
  }

  async contents(): Promise<StoreAnswer> {
    return json(await this.#http.call('GET', '/v1/store'))
  }

  /** Every key as the lines of a list, in pieces: text, or with `json` the documents of `keys`. */
  keyLines(json: boolean): AsyncGenerator<Uint8Array> {
    return this.#pieces<KeyLine>('/v1/keys', {}, json, ({ key }) => key)
  }

  /** The same of the names that begin with `prefix`. */
  nameLines(
    prefix: string | undefined,
    json: boolean,
    query: NamesQuery = {},
  ): AsyncGenerator<Uint8Array> {
    const parameters = { prefix, ...textOf(query) }
    return this.#pieces<NameLine>('/v1/names', parameters, json, ({ name }) => name)
  }

  async *#documents<Line>(path: string, query: Parameters = {}): AsyncGenerator<Line> {
    const parts = { query, headers: TRAILERS, ...STREAM }
    yield* documents<Line>(await this.#http.call('GET', path, parts))
  }

  async *#pieces<Line>(
    path: string,
    query: Parameters,
    json: boolean,
    lineOf: (line: Line) => string,
  ): AsyncGenerator<Uint8Array> {
    const headers = { ...TRAILERS, Accept: json ? LINES_TYPE : TEXT_TYPE }
    const response = await this.#http.call('GET', path, { query, headers, ...STREAM })
    const type = response.message.headers['content-type'] ?? ''
    if (json || type.startsWith(TEXT_TYPE)) yield* wholeLines(response)
    // A daemon of an earlier version has no text.
    else for await (const line of documents<Line>(response)) yield Buffer.from(`${lineOf(line)}\n`)
  }
}

type Parameters = NonNullable<RequestParts['query']>

const STREAM = { response: 'stream' } as const

const TRAILERS = { TE: 'trailers' } as const

const textOf = <Query extends { readonly limit?: number | undefined }>({
  limit,
  ...query
}: Query): Omit<Query, 'limit'> & { limit?: string | undefined } => ({
  ...query,
  limit: limit === undefined ? undefined : String(limit),
})
