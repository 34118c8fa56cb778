/**
 * ava's `test`, one after another. The files of a folder share a process (`ava.config.js`), and a
 * test must not be late because of its neighbours.
 */
import ava, { registerCompletionHandler, type SerialFn } from 'ava'

/**
 * How long a process rests after its tests. What compiles code beside Node's main thread has ended
 * by then: where Node waits for it while it waits for Node, a process never ends.
 */
const REST_MS = 200

registerCompletionHandler(() => void setTimeout(() => undefined, REST_MS))

export const test: SerialFn = ava.serial
