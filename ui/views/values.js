/**
 * Names by level, search, and one value with all that is known of it.
 * @module
 */
import { may } from '../api/session.js'
import { keyIn } from '../api/paths.js'
import { formatRoute, pageOf } from '../core/routes.js'
import { activityPlace } from '../parts/activity.js'
import { goTo } from '../parts/address.js'
import { button, fill, h, icon } from '../parts/dom.js'
import { viewHead } from '../parts/facts.js'
import { createUploads } from '../parts/uploads.js'
import { entry } from './values/entry.js'
import { level } from './values/level.js'
import { value } from './values/value.js'

/** @typedef {import('../core/routes.js').Route} Route */

/** @type {Route | undefined} */
let lastRoute

/**
 * @param {Route} first
 * @returns {import('../main.js').View}
 */
export function values(first) {
  // The address of the view alone leads back to where one was.
  const isBare = first.parts.length === 0 && Object.keys(first.query).length === 0
  const begin = isBare && lastRoute !== undefined ? lastRoute : first
  // The address says what is shown, so that a link to the first level changes it.
  if (begin !== first)
    history.replaceState(null, '', formatRoute('values', begin.parts, begin.query))
  const place = h('div')
  const search = h('input', {
    type: 'search',
    'aria-label': 'Find by key, name or hex digits',
    placeholder: 'Key, name, hex digits, or a pattern such as **/*.json',
    autocomplete: 'off',
    spellcheck: 'false',
  })
  const form = h(
    'form',
    {
      role: 'search',
      class: 'search find',
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault()
        goTo(addressOf(search.value.trim()))
      },
    },
    search,
    h('button', { type: 'submit', 'aria-label': 'Find' }, icon('search')),
  )
  /** @type {{ element: HTMLElement, close: () => void, reload: () => void } | undefined} */
  let shown
  let prefix = ''
  const mayPut = may('PUT /v1/values')
  const uploads = createUploads({ prefix: () => prefix, onDone: () => shown?.reload() })

  const show = (/** @type {Route} */ route) => {
    shown?.close()
    lastRoute = route
    const [word, ...below] = route.parts
    search.value = route.query['find'] ?? ''
    prefix = route.query['prefix'] ?? ''
    const page = pageOf(route.query)
    const next =
      word === undefined
        ? level(route.query)
        : below.length === 0
          ? value(word, page)
          : entry(word, below, page)
    shown = next
    fill(place, next.element)
  }

  const element = h(
    'div',
    null,
    viewHead(
      'Values',
      'What is stored, by its names.',
      mayPut ? button('Upload files', uploads.chooseFiles, { icon: 'up' }) : undefined,
      mayPut && may('POST /v1/trees')
        ? button('Upload folder', uploads.chooseFolder, { icon: 'folder' })
        : undefined,
    ),
    h('div', { class: 'toolbar' }, form),
    activityPlace(),
    place,
    mayPut && uploads.inputs,
  )
  if (mayPut) uploads.acceptDrops(element)
  show(begin)
  return {
    element,
    update: show,
    close: () => shown?.close(),
  }
}

/**
 * Where a search leads: to a value by its key, to a level, or to the names that match.
 * @param {string} text
 * @returns {string}
 */
function addressOf(text) {
  const key = keyIn(text)
  if (key !== undefined) return formatRoute('values', [key])
  if (text.endsWith('/')) return formatRoute('values', [], { prefix: text })
  return formatRoute('values', [], { find: text })
}
