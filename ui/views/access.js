/**
 * Members, invitations, tokens and rules: the sections that the caller may see.
 * @module
 */
import { may } from '../api/session.js'
import { formatRoute } from '../core/routes.js'
import { fill, h, setAttribute } from '../parts/dom.js'
import { viewHead } from '../parts/facts.js'
import { state } from '../parts/store.js'
import { members } from './access/members.js'
import { rules } from './access/rules.js'
import { tokens } from './access/tokens.js'

/** @typedef {import('../core/routes.js').Route} Route */

const SECTIONS = [
  {
    name: 'members',
    label: 'Members',
    // A standalone node has none.
    isOpen: () => may('GET /v1/members') && state.status?.role !== 'standalone',
    create: members,
  },
  { name: 'tokens', label: 'Tokens', isOpen: () => may('GET /v1/tokens'), create: tokens },
  { name: 'rules', label: 'Rules', isOpen: () => may('GET /v1/rules'), create: rules },
]

/**
 * @param {Route} first
 * @returns {import('../main.js').View}
 */
export function access(first) {
  const open = SECTIONS.filter(({ isOpen }) => isOpen())
  const links = open.map(({ name, label }) =>
    h('a', { href: formatRoute('access', [name]) }, label),
  )
  const place = h('div')
  /** @type {{ element: HTMLElement, close: () => void } | undefined} */
  let shown

  const update = (/** @type {Route} */ { parts }) => {
    const index = Math.max(
      0,
      open.findIndex(({ name }) => name === parts[0]),
    )
    const section = open[index]
    if (section === undefined) return
    shown?.close()
    shown = section.create()
    for (const [at, link] of links.entries())
      setAttribute(link, 'aria-current', at === index && 'page')
    fill(place, shown.element)
  }

  const element = h(
    'div',
    null,
    viewHead(
      'Members and access',
      'Who may join, what programs may do, and what is removed by itself.',
    ),
    h('nav', { class: 'tabs', 'aria-label': 'Sections' }, ...links),
    place,
  )
  update(first)
  return { element, update, close: () => shown?.close() }
}
