/**
 * Lists of facts, meters and cards, which change in place.
 * @module
 */
import { formatShare, formatSize } from '../core/format.js'
import { fill, h, setAttribute, setBar, setText } from './dom.js'

/**
 * @typedef {readonly [label: string, value: string | Node | undefined]} Fact
 */

/**
 * A list of facts. Those without a value are left out. A text that changes leaves the rest as
 * it is.
 */
export function createFacts() {
  const element = h('dl', { class: 'facts' })
  /** @type {Map<string, { value: string | Node, shown: HTMLElement, line: HTMLElement }>} */
  let known = new Map()

  /** @param {readonly Fact[]} facts */
  const update = (facts) => {
    /** @type {typeof known} */
    const next = new Map()
    for (const [label, value] of facts) {
      if (value === undefined || value === '') continue
      const before = known.get(label)
      const shown = before?.shown ?? h('dd')
      const line = before?.line ?? h('div', null, h('dt', null, label), shown)
      if (typeof value === 'string') setText(shown, value)
      else if (before?.value !== value) fill(shown, value)
      next.set(label, { value, shown, line })
    }
    const isSame = [...next.keys()].join('\n') === [...known.keys()].join('\n')
    known = next
    if (!isSame) element.replaceChildren(...[...next.values()].map(({ line }) => line))
  }
  return { element, update }
}

/**
 * A bar for a part of a whole.
 * @param {string} label
 */
export function createMeter(label) {
  const bar = h('div', { class: 'bar' })
  const track = h('div', { class: 'track', role: 'meter', 'aria-label': label }, bar)
  const words = h('span', { class: 'amount' })
  const element = h(
    'div',
    { class: 'meter' },
    h('div', { class: 'meter-head' }, h('span', null, label), words),
    track,
  )

  /**
   * @param {number | undefined} used
   * @param {number | undefined} whole
   */
  const update = (used, whole) => {
    element.hidden = used === undefined
    if (used === undefined) return
    const isBounded = whole !== undefined && whole > 0
    const share = isBounded ? Math.min(1, used / whole) : 0
    track.hidden = !isBounded
    setBar(bar, share)
    bar.className = `bar ${share > 0.95 ? 'bad' : share > 0.85 ? 'warn' : ''}`
    setAttribute(track, 'aria-valuemin', 0)
    setAttribute(track, 'aria-valuemax', whole ?? 0)
    setAttribute(track, 'aria-valuenow', Math.min(used, whole ?? used))
    setAttribute(track, 'aria-valuetext', wordsOf(used, whole))
    setText(words, wordsOf(used, whole))
  }
  return { element, update }
}

/**
 * @param {number} used
 * @param {number | undefined} whole
 */
const wordsOf = (used, whole) =>
  whole === undefined
    ? formatSize(used)
    : `${formatSize(used)} of ${formatSize(whole)} (${formatShare(used, whole)})`

/**
 * A card with a heading.
 * @param {string} title
 * @param {...(Node | undefined)} content
 * @returns {HTMLElement}
 */
export function card(title, ...content) {
  const shown = content.filter((one) => one !== undefined)
  return h('section', { class: 'card' }, h('h2', null, title), ...shown)
}

/**
 * The head of a view.
 * @param {string} title
 * @param {string} what What the view is for.
 * @param {...(Node | undefined)} actions
 */
export function viewHead(title, what, ...actions) {
  const shown = actions.filter((one) => one !== undefined)
  return h(
    'header',
    { class: 'view-head' },
    h('div', null, h('h1', { tabindex: -1 }, title), h('p', null, what)),
    shown.length > 0 && h('div', { class: 'actions' }, ...shown),
  )
}
