/**
 * Tables whose rows are kept while their data is the same, and pages of long lists.
 * @module
 */
import { formatCount } from '../core/format.js'
import { button, fill, h, setText } from './dom.js'

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} label
 * @property {(row: Row) => import('./dom.js').Child | import('./dom.js').Child[]} cell
 * @property {string} [class] `number`: to the right. `short`: on one line. `wide`, `wider`: only where there is room.
 * @property {boolean} [hideLabel] The label is for screen readers only.
 */

/**
 * A table. `update` gives it rows: those whose object is the same as before are not made again.
 * @template Row
 * @param {object} options
 * @param {string} options.caption For screen readers.
 * @param {readonly Column<Row>[]} options.columns The first names the row.
 * @param {(row: Row) => string} options.keyOf
 * @param {(row: Row) => string} [options.classOf]
 * @param {string} [options.empty]
 */
export function createTable({ caption, columns, keyOf, classOf, empty = 'Nothing here.' }) {
  const body = h('tbody')
  const nothing = h('p', { class: 'empty' }, empty)
  const table = h(
    'table',
    null,
    h('caption', { class: 'hidden' }, caption),
    h('thead', null, h('tr', null, ...columns.map(headOf))),
    body,
  )
  // Where it is too wide it scrolls, also by keyboard.
  const element = h(
    'div',
    { class: 'table', tabindex: 0, role: 'region', 'aria-label': caption },
    table,
    nothing,
  )
  /** @type {Map<string, { row: Row, line: HTMLTableRowElement }>} */
  let known = new Map()

  /** @param {readonly Row[]} rows */
  const update = (rows) => {
    /** @type {typeof known} */
    const next = new Map()
    for (const row of rows) {
      const key = keyOf(row)
      const before = known.get(key)
      const line = before?.line ?? h('tr')
      if (before?.row !== row) fillRow(line, row)
      next.set(key, { row, line })
    }
    known = next
    const hadFocus = body.contains(document.activeElement)
    arrange(
      body,
      [...next.values()].map(({ line }) => line),
    )
    nothing.hidden = rows.length > 0
    table.hidden = rows.length === 0
    if (hadFocus && !body.contains(document.activeElement)) element.focus({ preventScroll: true })
  }

  /**
   * @param {HTMLTableRowElement} line
   * @param {Row} row
   */
  const fillRow = (line, row) => {
    const focusable = () => [...line.querySelectorAll('a, button')]
    // What has the focus is made anew: its like in the same place has it then.
    const at = line.contains(document.activeElement)
      ? focusable().findIndex((one) => one === document.activeElement)
      : -1
    line.className = classOf?.(row) ?? ''
    fill(line, ...columns.map((column, index) => cellOf(column, row, index === 0)))
    const next = focusable()[at]
    if (next instanceof HTMLElement) next.focus({ preventScroll: true })
  }

  update([])
  return { element, update, setEmpty: (/** @type {string} */ text) => setText(nothing, text) }
}

/**
 * @template Row
 * @param {Column<Row>} column
 */
function headOf({ label, class: kind = '', hideLabel = false }) {
  return h(
    'th',
    { scope: 'col', class: kind },
    h('span', { class: hideLabel ? 'hidden' : '' }, label),
  )
}

/**
 * @template Row
 * @param {Column<Row>} column
 * @param {Row} row
 * @param {boolean} isFirst
 */
function cellOf({ class: kind = '', cell }, row, isFirst) {
  const children = [cell(row)].flat()
  return isFirst
    ? h('th', { scope: 'row', class: kind }, ...children)
    : h('td', { class: kind }, ...children)
}

/**
 * Puts the lines in this order, and moves none that stands where it belongs.
 * @param {HTMLElement} parent
 * @param {readonly HTMLElement[]} lines
 */
export function arrange(parent, lines) {
  const kept = new Set(lines)
  for (const child of Array.from(parent.children)) {
    if (!kept.has(/** @type {HTMLElement} */ (child))) child.remove()
  }
  for (const [index, line] of lines.entries()) {
    const there = parent.children[index]
    if (there !== line) parent.insertBefore(line, there ?? null)
  }
}

/** Rows of one page. */
export const PAGE_ROWS = 50

/**
 * The pages of a list that is held whole.
 * @param {() => void} onTurn
 * @param {number} [most] Rows of a page.
 */
export function createPager(onTurn, most = PAGE_ROWS) {
  let page = 0
  let pages = 1
  const where = h('span', { class: 'where' })
  const turn = (/** @type {number} */ by) => {
    page = Math.min(pages - 1, Math.max(0, page + by))
    onTurn()
  }
  const back = button('', () => turn(-1), { icon: 'back', label: 'Previous page' })
  const next = button('', () => turn(1), { icon: 'more', label: 'Next page' })
  const element = h('div', { class: 'pager' }, where, back, next)

  return {
    element,
    reset: () => {
      page = 0
    },
    /**
     * The rows of the page that is shown.
     * @template Row
     * @param {readonly Row[]} rows
     * @returns {readonly Row[]}
     */
    slice(rows) {
      pages = Math.max(1, Math.ceil(rows.length / most))
      page = Math.min(page, pages - 1)
      const from = page * most
      const shown = rows.slice(from, from + most)
      element.hidden = pages === 1
      back.disabled = page === 0
      next.disabled = page === pages - 1
      const to = from + shown.length
      setText(
        where,
        `${formatCount(from + 1)} to ${formatCount(to)} of ${formatCount(rows.length)}`,
      )
      return shown
    },
  }
}
