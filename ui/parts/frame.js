/**
 * Draws at most once in a frame, however often something changes. A hidden page draws nothing.
 * @module
 */

/** @type {Set<() => void>} */
const waiting = new Set()
let isRequested = false

/**
 * Draws this in the next frame.
 * @param {() => void} draw
 */
export function onFrame(draw) {
  waiting.add(draw)
  if (isRequested) return
  isRequested = true
  requestAnimationFrame(flush)
}

/**
 * Forgets what was to be drawn.
 * @param {() => void} draw
 */
export function offFrame(draw) {
  waiting.delete(draw)
}

/** Time that drawing may take of one frame; the rest waits for the next. */
const FRAME_MS = 12

function flush() {
  isRequested = false
  const begin = performance.now()
  // What asks to be drawn meanwhile has the next frame.
  for (const draw of Array.from(waiting)) {
    if (performance.now() - begin > FRAME_MS) break
    if (waiting.delete(draw)) draw()
  }
  if (waiting.size > 0 && !isRequested) {
    isRequested = true
    requestAnimationFrame(flush)
  }
}
