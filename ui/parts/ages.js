/**
 * Times as ages that stay right while they are shown.
 * @module
 */
import { now } from '../core/clock.js'
import { formatAgo } from '../core/format.js'
import { h, setText } from './dom.js'

/** @type {Set<WeakRef<HTMLTimeElement>>} */
const shown = new Set()

/**
 * How long ago a time was. The time itself is its title.
 * @param {string | undefined} time ISO 8601
 * @returns {HTMLElement}
 */
export function ago(time) {
  if (time === undefined) return h('span', null, '–')
  const element = h('time', null)
  setAgo(element, time)
  shown.add(new WeakRef(element))
  return element
}

/**
 * Gives such an element another time.
 * @param {HTMLTimeElement} element
 * @param {string} time
 */
export function setAgo(element, time) {
  if (element.dateTime !== time) {
    element.dateTime = time
    element.title = time
  }
  setText(element, formatAgo(time, now()))
}

/** Brings the ages up to date, and forgets elements that are gone. */
function refresh() {
  if (document.hidden) return
  const at = now()
  for (const reference of shown) {
    const element = reference.deref()
    if (element === undefined || !element.isConnected) shown.delete(reference)
    else setText(element, formatAgo(element.dateTime, at))
  }
}

setInterval(refresh, 1000)
