/** The calls of the daemon's API that tell what changes, until the caller ends them. */
import type { CancelledTransferAnswer, ChangeLine } from '../../api/api.ts'
import type { EventUpdate } from '../../api/events.ts'
import type { TransferList } from '../../../node/activity/node-activity.ts'
import type { HttpClient } from '../http-client.ts'
import { known } from '../names/known.ts'
import { json, serverSent } from '../response.ts'
import { segment } from '../value-path.ts'

const STREAM = { response: 'stream' } as const

export class EventClient {
  readonly #http: HttpClient

  constructor(http: HttpClient) {
    this.#http = http
  }

  /** Every change after a position (default: from now on). */
  async *changes(
    after?: string,
    onStart?: (position: string) => void,
  ): AsyncGenerator<ChangeLine, void, undefined> {
    const headers = after === undefined ? {} : { 'Last-Event-ID': after }
    const parts = { headers, ...STREAM }
    yield* serverSent<ChangeLine>(await this.#http.call('GET', '/v1/changes', parts), onStart)
  }

  /** What there is, and then what changes of it. */
  async *updates(): AsyncGenerator<EventUpdate, void, undefined> {
    const response = await known('events', this.#http.call('GET', '/v1/events', STREAM))
    yield* serverSent<EventUpdate>(response)
  }

  /** The transfers in progress. */
  async transfers(): Promise<TransferList> {
    return json(await known('a list of transfers', this.#http.call('GET', '/v1/transfers')))
  }

  /** Ends a transfer; `not-found` if there is none with this id. */
  async cancelTransfer(id: string): Promise<CancelledTransferAnswer> {
    return json(await this.#http.call('DELETE', `/v1/transfers/${segment(id)}`))
  }
}
