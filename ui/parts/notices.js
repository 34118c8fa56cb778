/**
 * Short notices of what was done, and refusals in the words of the API.
 * @module
 */
import { ApiError } from '../api/client.js'
import { button, fill, h, icon } from './dom.js'

const SHOWN_MS = 6000
const MOST_NOTICES = 4

const place = h('div', { class: 'notices', role: 'status', 'aria-live': 'polite' })

/** @returns {HTMLElement} */
export const noticesPlace = () => place

/**
 * Says that something was done.
 * @param {string} text
 */
export function say(text) {
  show(h('div', { class: 'notice good' }, icon('check'), h('p', null, text)), SHOWN_MS)
}

/**
 * Says what is no failure, and nothing that was done.
 * @param {string} text
 */
export function mention(text) {
  show(h('div', { class: 'notice' }, icon('info'), h('p', null, text)), SHOWN_MS)
}

/**
 * Shows a failure until it is closed.
 * @param {unknown} error
 */
export function complain(error) {
  if (isAbort(error)) return
  show(h('div', { class: 'notice bad' }, icon('alert'), problemText(error)))
}

/**
 * @param {HTMLElement} notice
 * @param {number} [ms]
 */
function show(notice, ms) {
  notice.append(button('', () => notice.remove(), { icon: 'away', kind: 'quiet', label: 'Close' }))
  place.append(notice)
  while (place.childElementCount > MOST_NOTICES) place.firstElementChild?.remove()
  if (ms !== undefined) setTimeout(() => notice.remove(), ms)
}

/**
 * Whether the page itself ended the call.
 * @param {unknown} error
 */
export const isAbort = (error) => error instanceof DOMException && error.name === 'AbortError'

/**
 * What went wrong, and what to do about it.
 * @param {unknown} error
 * @returns {HTMLElement}
 */
export function problemText(error) {
  const text = error instanceof Error ? error.message : 'an unknown fault'
  const hint = error instanceof ApiError ? error.hint : undefined
  return h('div', { class: 'problem' }, h('p', null, text), hint !== undefined && hintText(hint))
}

/**
 * A hint, with commands as code.
 * @param {string} hint
 * @returns {HTMLElement}
 */
export function hintText(hint) {
  const parts = hint.split('`')
  return h(
    'p',
    { class: 'hint' },
    ...parts.map((part, index) => (index % 2 === 1 ? h('code', null, part) : part)),
  )
}

/**
 * Shows a failure in the place of what could not be read.
 * @param {Element} element
 * @param {unknown} error
 */
export function fillProblem(element, error) {
  if (isAbort(error)) return
  const kind = error instanceof ApiError && error.status === 0 ? `refusal ${UNREACHED}` : 'refusal'
  fill(element, h('div', { class: kind, role: 'alert' }, icon('alert'), problemText(error)))
}

/** Marks what could not be read because the daemon did not answer. */
const UNREACHED = 'unreached'

/**
 * Whether something in this element could not be read because the daemon did not answer.
 * @param {Element} element
 */
export const hasUnreached = (element) => element.querySelector(`.${UNREACHED}`) !== null
