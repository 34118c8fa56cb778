/** The calls of the daemon's API about a set (specs/012-set.md). */
import type { SetReport } from '../../../node/global/set/set-report.ts'
import type { HttpClient } from '../http-client.ts'
import { known } from '../names/known.ts'
import { json } from '../response.ts'

export class SetClient {
  readonly #http: HttpClient

  constructor(http: HttpClient) {
    this.#http = http
  }

  /** The set, as this member sees it. Error: `not-found` where the node is not a member of one. */
  async status(): Promise<SetReport> {
    return json(await known('sets', this.#http.call('GET', '/v1/set')))
  }

  /** Resolves once this member stands by. Error: `conflict` unless it is active. */
  async stepDown(): Promise<SetReport> {
    return json(await known('sets', this.#http.call('POST', '/v1/set/step-down')))
  }
}
