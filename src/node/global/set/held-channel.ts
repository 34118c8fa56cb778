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
  let waiting: Promise<unknown> | undefined
  /** What comes later keeps its place behind what waits. */
  const inTurn = <T>(call: () => Promise<T>, isHeld: boolean): Promise<T> => {
    if (waiting === undefined && (!isHeld || elected.mayServe())) return call()
    const turn = (waiting ?? Promise.resolve())
      .then(() => (isHeld ? elected.serving() : undefined))
      .then(call)
    const over = turn.catch((error: unknown) => channel.abort(error as Error))
    waiting = over
    void over.finally(() => {
      if (waiting === over) waiting = undefined
    })
    return turn
  }
  const held: Partial<Channel> = {
    write: (bytes) => inTurn(() => channel.write(bytes), true),
    flush: () => inTurn(() => channel.flush(), false),
    end: () => inTurn(() => channel.end(), false),
  }
  return new Proxy(channel, {
    get: (target, name) => {
      if (Object.hasOwn(held, name)) return Reflect.get(held, name) as unknown
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
