/**
 * A channel that hands nothing over while this member may not serve (R012-10): what is written
 * waits. A process that was frozen may have been replaced, whatever it was about to answer.
 */
import type { Elected } from '../../../set/interface.ts'
import type { Channel } from '../../../wire/channel.ts'

export function heldChannel(
  channel: Channel,
  elected: Pick<Elected, 'mayServe' | 'serving'>,
): Channel {
  let waiting: Promise<void> | undefined
  const write: Channel['write'] = (bytes) => {
    // What waits goes first: the order is that of the calls.
    if (waiting === undefined && elected.mayServe()) return channel.write(bytes)
    const written = (waiting ?? Promise.resolve())
      .then(() => elected.serving())
      .then(() => channel.write(bytes))
    const over = written.then(
      () => undefined,
      (error: unknown) => channel.abort(error as Error),
    )
    waiting = over.finally(() => {
      if (waiting === last) waiting = undefined
    })
    const last = waiting
    return written
  }
  return new Proxy(channel, {
    get: (target, name) => {
      if (name === 'write') return write
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
