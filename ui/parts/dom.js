/**
 * Makes and changes elements. All text is set as text, with `safeText`: what comes from outside is
 * never read as HTML, and turns no direction of writing.
 * @module
 */

import { safeText } from '../core/format.js'

/**
 * @typedef {string | number | boolean | undefined | null | ((event: any) => void)} Attribute
 * @typedef {Node | string | undefined | null | false} Child
 */

/**
 * An element with attributes, listeners (`onclick` and the like, as functions) and children.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Readonly<Record<string, Attribute>> | null} [attributes]
 * @param {...(Child | readonly Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value)
    else setAttribute(element, name, value)
  }
  add(element, children)
  return element
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | undefined | null} value
 */
export function setAttribute(element, name, value) {
  if (value === undefined || value === null || value === false) element.removeAttribute(name)
  else {
    // A title is read as well as text.
    const text = value === true ? '' : safeText(String(value))
    if (element.getAttribute(name) !== text) element.setAttribute(name, text)
  }
}

/**
 * @param {Element} element
 * @param {readonly (Child | readonly Child[])[]} children
 */
function add(element, children) {
  for (const child of children.flat()) {
    if (child === undefined || child === null || child === false) continue
    element.append(typeof child === 'string' ? safeText(child) : child)
  }
}

/**
 * Gives an element these children and no other.
 * @param {Element} element
 * @param {...(Child | readonly Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren()
  add(element, children)
}

/**
 * Sets the text of an element, if it has another.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  const shown = safeText(text)
  if (element.textContent !== shown) element.textContent = shown
}

/**
 * Fills a bar by a share from 0 to 1. A transform needs no layout, however many bars move.
 * @param {HTMLElement} bar
 * @param {number} share
 */
export function setBar(bar, share) {
  bar.style.transform = `scaleX(${share.toFixed(4)})`
}

/** @type {Readonly<Record<string, string>>} */
const ICONS = {
  alert: 'M8 1.8 15 14H1zM8 6v4M8 12v.1',
  away: 'M3 3l10 10M13 3 3 13',
  back: 'M10 3 5 8l5 5',
  check: 'm3 8.5 3.2 3.2L13 5',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  down: 'M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11',
  file: 'M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3',
  folder: 'M1.5 3.5h5l1.5 2h6.5v8h-13z',
  info: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M8 7.2v4M8 4.8v.1',
  link: 'M6.5 9.5l3-3M7 5l1.5-1.5a2.8 2.8 0 0 1 4 4L11 9M9 11l-1.5 1.5a2.8 2.8 0 0 1-4-4L5 7',
  more: 'm6 3 5 5-5 5',
  pause: 'M5.5 3v10M10.5 3v10',
  play: 'M5 3v10l8-5z',
  plus: 'M8 3v10M3 8h10',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.5 10.5 14 14',
  tag: 'M2 2h5.5L14 8.5 8.5 14 2 7.5zM5 5v.1',
  trash: 'M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.7 9h6.6l.7-9M6.7 7v4.5M9.3 7v4.5',
  up: 'M8 11V3M4.5 6.5 8 3l3.5 3.5M2.5 13.5h11',
  wait: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M8 4.5V8l2.5 2',
}

const SVG = 'http://www.w3.org/2000/svg'

/**
 * A drawn sign. Words beside it say the same.
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 16 16')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS(SVG, 'path')
  path.setAttribute('d', ICONS[name] ?? '')
  svg.append(path)
  return svg
}

/**
 * A button.
 * @param {string} label
 * @param {(event: Event) => void} act
 * @param {{ icon?: string, kind?: 'primary' | 'danger' | 'quiet', title?: string, label?: string }} [look]
 * @returns {HTMLButtonElement}
 */
export function button(label, act, look = {}) {
  return h(
    'button',
    {
      type: 'button',
      class: look.kind ?? '',
      title: look.title,
      'aria-label': look.label,
      onclick: act,
    },
    look.icon !== undefined && icon(look.icon),
    label !== '' && h('span', null, label),
  )
}

/**
 * A line of state: sign, word and colour say the same.
 * @param {'good' | 'warn' | 'bad' | 'idle'} level
 * @param {string} word
 * @returns {HTMLSpanElement}
 */
export function mark(level, word) {
  return h('span', { class: `mark ${level}` }, icon(SIGNS[level]), h('span', null, word))
}

const SIGNS = Object.freeze({ good: 'check', warn: 'alert', bad: 'away', idle: 'wait' })
