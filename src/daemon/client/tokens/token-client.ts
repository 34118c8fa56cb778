/** The calls of the daemon's API about its tokens (specs/007, "Tokens"). */
import type { TokenAnswer, TokenLine } from '../../api/api.ts'
import type { TokenTerms } from '../../config/tokens/token-table.ts'
import type { HttpClient } from '../http-client.ts'
import { known } from '../names/known.ts'
import { documents, json, type DaemonResponse } from '../response.ts'
import { segment } from '../value-path.ts'

export class TokenClient {
  readonly #http: HttpClient

  constructor(http: HttpClient) {
    this.#http = http
  }

  /** Makes a token. Only this answer has it. */
  async add(terms: TokenTerms): Promise<TokenAnswer> {
    return json(await this.#call('POST', '/v1/tokens', JSON.stringify(terms)))
  }

  async *list(): AsyncGenerator<TokenLine> {
    yield* documents<TokenLine>(await this.#call('GET', '/v1/tokens'))
  }

  /** Revokes the token with this label or id. */
  async remove(labelOrId: string): Promise<TokenLine> {
    return json(await this.#call('DELETE', `/v1/tokens/${segment(labelOrId)}`))
  }

  #call(method: string, path: string, body?: string): Promise<DaemonResponse> {
    return known('tokens', this.#http.call(method, path, { ...(body !== undefined && { body }) }))
  }
}
