/** The calls of the daemon's API about rules (specs/007, R007-293). */
import type { RuleBounds, RuleState } from '../../../node/node.ts'
import type { RemovedRuleAnswer, RuleLine } from '../../api/api.ts'
import type { HttpClient, RequestParts } from '../http-client.ts'
import { documents, json, type DaemonResponse } from '../response.ts'
import { segment } from '../value-path.ts'
import { known } from './known.ts'

export class RuleClient {
  readonly #http: HttpClient

  constructor(http: HttpClient) {
    this.#http = http
  }

  /** Sets or replaces the rule of a prefix; undefined: of values without a name. */
  async set(prefix: string | undefined, bounds: RuleBounds): Promise<RuleState> {
    const { maxSize, maxAgeMs, unusedMs, maxNames } = bounds
    const parts = {
      body: JSON.stringify({ maxSize, maxAgeMs, unusedMs, maxNames }),
      isRepeatable: true,
    } as const
    return stateOf(await json<RuleLine>(await this.#call('PUT', rulePath(prefix), parts)))
  }

  async *list(): AsyncGenerator<RuleState> {
    const response = await this.#call('GET', '/v1/rules', { headers: { TE: 'trailers' } })
    for await (const line of documents<RuleLine>(response)) yield stateOf(line)
  }

  /** Removes a rule; the names below its prefix stay. */
  async remove(prefix: string | undefined): Promise<RemovedRuleAnswer> {
    return json(await this.#call('DELETE', rulePath(prefix)))
  }

  #call(method: string, path: string, parts?: RequestParts): Promise<DaemonResponse> {
    return known('rules', this.#http.call(method, path, parts))
  }
}

const rulePath = (prefix: string | undefined): string =>
  prefix === undefined ? '/v1/unnamed-rule' : `/v1/rules/${segment(prefix)}`

const stateOf = (line: RuleLine): RuleState => ({
  ...line,
  prefix: line.prefix,
  heldOtherwise: line.heldOtherwise,
  lastRemovedAt: line.lastRemovedAt,
})
