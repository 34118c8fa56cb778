/** The calls of the daemon's API about tags (specs/007, R007-290 to R007-292). */
import type { MovedAnswer, NameAnswer, TargetLine } from '../../api/api.ts'
import type { HttpClient } from '../http-client.ts'
import { documents, json } from '../response.ts'
import { segment } from '../value-path.ts'
import { known, withoutIt } from './known.ts'
import { bindBody, type Terms } from './terms.ts'

export class TagClient {
  readonly #http: HttpClient

  constructor(http: HttpClient) {
    this.#http = http
  }

  /**
   * Moves a tag to a key, or binds it. Not repeated if the connection breaks: a repeat could undo
   * the move of another (R007-116).
   */
  async move(name: string, key: string, terms: Terms = {}): Promise<MovedAnswer> {
    const body = bindBody(key, { ...terms, kind: 'tag' })
    const response = await this.#http.call('PUT', `/v1/names/${segment(name)}`, { body })
    const answer = await json<MovedAnswer | NameAnswer>(response)
    if (answer.kind === 'tag' && 'silent' in answer) return answer
    throw withoutIt(`the daemon has no tags: it bound ${name} for good`)
  }

  /** The last targets of a tag, the newest first. `not-found` if it is not bound. */
  async *history(name: string): AsyncGenerator<TargetLine> {
    const path = `/v1/names/${segment(name)}/history`
    yield* documents<TargetLine>(await known('tags', this.#http.call('GET', path)))
  }
}
