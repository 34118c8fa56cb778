/** Connects a Local by a function that opens a stream to Global, without a race of addresses. */
import { asDstoreError } from '../../src/errors.ts'
import { greet, type Connect } from '../../src/node/local/global-connector.ts'
import type { Channel } from '../../src/wire/channel.ts'

export function connectOver(dial: (signal: AbortSignal) => Promise<Channel>, at?: string): Connect {
  return async (greeter, signal) => {
    const channel = await dial(signal)
    const abort = (): void => channel.abort(asDstoreError(signal.reason))
    signal.addEventListener('abort', abort)
    try {
      return {
        ...(await greet(channel, greeter)),
        target: at === undefined ? undefined : { address: at, known: at },
        welcomed: () => undefined,
        close: () => undefined,
      }
    } catch (error) {
      greeter.unanswered(asDstoreError(error))
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }
}
