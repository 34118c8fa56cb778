/**
 * A list of the API in a table, which is read again when something changed.
 * @module
 */
import { ApiError, list } from '../../api/client.js'
import { fill, h } from '../../parts/dom.js'
import { fillProblem } from '../../parts/notices.js'
import { createPager, createTable } from '../../parts/table.js'

/** Lines of such a list that are read. */
const MOST_LINES = 5000

/**
 * @template Line
 * @param {object} options
 * @param {string} options.path
 * @param {string} options.title
 * @param {string} options.what
 * @param {readonly (Node | undefined)[]} options.actions
 * @param {(reload: () => void) => Omit<Parameters<typeof createTable<Line>>[0], 'caption'>} options.table
 */
export function createSection({ path, title, what, actions, table: tableFor }) {
  const problem = h('div')
  const buttons = h('div', { class: 'actions' }, ...actions.filter((one) => one !== undefined))
  /** @type {readonly Line[]} */
  let lines = []
  let reading = new AbortController()
  const pager = createPager(() => table.update(pager.slice(lines)))
  const read = async () => {
    reading.abort()
    reading = new AbortController()
    try {
      const found = await list(path, { limit: MOST_LINES, signal: reading.signal })
      lines = /** @type {Line[]} */ (found.lines)
      fill(problem)
      show(true)
      table.update(pager.slice(lines))
    } catch (error) {
      fillProblem(problem, error)
      // Global refuses a machine that is no admin there, whoever asks at it.
      show(!(error instanceof ApiError && error.code === 'not-permitted'))
    }
  }
  const reload = () => void read()
  /** @type {ReturnType<typeof createTable<Line>>} */
  const table = createTable({ caption: title, ...tableFor(reload) })
  const panel = h('div', { class: 'panel' }, table.element, pager.element)
  const show = (/** @type {boolean} */ isPermitted) => {
    buttons.hidden = !isPermitted
    panel.hidden = !isPermitted
  }
  pager.element.hidden = true
  reload()
  return {
    element: h(
      'section',
      null,
      h('div', { class: 'toolbar' }, h('p', { class: 'muted' }, what), buttons),
      problem,
      panel,
    ),
    reload,
    close: () => reading.abort(),
  }
}

/** The roles, for a choice. */
export const ROLES = Object.freeze([
  { value: 'reader', label: 'reader: reads values and names' },
  { value: 'writer', label: 'writer: puts and names values, too' },
  { value: 'admin', label: 'admin: everything' },
])
