/**
 * The state of the node, and the listeners to its changes.
 * @module
 */
import { openLive } from '../api/live.js'
import { applyUpdate, emptyState } from '../core/state.js'

/**
 * @typedef {import('../core/state.js').Topic} Topic
 * @typedef {import('../api/live.js').Connection} Connection
 */

/** What the page knows of the node. */
export const state = emptyState()

/** @type {Connection} */
let connection = { is: 'connecting' }
/** @type {(connection: Connection) => void} */
let onConnection = () => undefined

/** @type {Map<Topic, Set<() => void>>} */
const listeners = new Map()

/**
 * Calls `listener` when one of the topics changes. The function that it returns ends that.
 * @param {readonly Topic[]} topics
 * @param {() => void} listener
 * @returns {() => void}
 */
export function listen(topics, listener) {
  for (const topic of topics) {
    const known = listeners.get(topic) ?? new Set()
    known.add(listener)
    listeners.set(topic, known)
  }
  return () => {
    for (const topic of topics) listeners.get(topic)?.delete(listener)
  }
}

/**
 * Shows how the connection is, now and whenever that changes.
 * @param {(connection: Connection) => void} show
 */
export function showConnection(show) {
  onConnection = show
  show(connection)
}

/**
 * Follows the events of the node.
 * @returns {() => void}
 */
export function openStore() {
  return openLive({
    path: () => '/v1/events',
    onConnection: (now) => {
      connection = now
      onConnection(now)
    },
    onEvent: ({ event, data }) => {
      if (event !== 'update') return
      const called = new Set()
      for (const topic of applyUpdate(state, JSON.parse(data))) {
        for (const listener of listeners.get(topic) ?? []) called.add(listener)
      }
      for (const listener of called) listener()
    },
  })
}
