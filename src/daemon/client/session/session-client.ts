/** The calls of the daemon's API about sessions of the page (specs/013). */
import type { MemberRole } from '../../../membership/role.ts'
import type { CodeAnswer, HttpAnswer } from '../../api/api.ts'
import type { HttpClient } from '../http-client.ts'
import { known } from '../names/known.ts'
import { json, type DaemonResponse } from '../response.ts'

export class SessionClient {
  readonly #http: HttpClient

  constructor(http: HttpClient) {
    this.#http = http
  }

  /** Serves the API over TCP on loopback, where it is not served yet. */
  async openHttp(port?: number): Promise<HttpAnswer> {
    return json(await this.#post('/v1/http', { port }))
  }

  /** Makes a code for one session. Only this answer has it. */
  async makeCode(role?: MemberRole): Promise<CodeAnswer> {
    return json(await this.#post('/v1/session/codes', { role }))
  }

  #post(path: string, body: object): Promise<DaemonResponse> {
    return known('a page', this.#http.call('POST', path, { body: JSON.stringify(body) }))
  }
}
