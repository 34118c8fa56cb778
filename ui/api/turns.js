/**
 * Turns of the bodies that move. A browser opens six connections to a daemon, for all its pages
 * together: uploads and downloads must leave some to events and to the calls of views.
 * @module
 */

/** Bodies that move at the same time. */
export const SIDE_BY_SIDE = 3

let moving = 0
/** Each takes over the turn of one that has ended. @type {Set<() => void>} */
const waiting = new Set()

/**
 * Runs `move` when it is its turn. Rejected with the reason of the signal if that aborts before.
 * @template Result
 * @param {AbortSignal} signal
 * @param {() => Promise<Result>} move
 * @returns {Promise<Result>}
 */
export async function inTurn(signal, move) {
  if (moving < SIDE_BY_SIDE) moving++
  else await turn(signal)
  try {
    return await move()
  } finally {
    const [next] = waiting
    if (next === undefined) moving--
    else next()
  }
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function turn(signal) {
  return new Promise((resolve, reject) => {
    const begin = () => {
      waiting.delete(begin)
      signal.removeEventListener('abort', leave)
      resolve()
    }
    const leave = () => {
      waiting.delete(begin)
      reject(/** @type {Error} */ (signal.reason))
    }
    waiting.add(begin)
    signal.addEventListener('abort', leave, { once: true })
    if (signal.aborted) leave()
  })
}
