/**
 * Every change of the index as it happens.
 * @module
 */
import { openLive } from '../api/live.js'
import { withQuery } from '../api/paths.js'
import { ChangeLog, GROUPS, filterOf, whyText } from '../core/changes.js'
import { formatClock, formatCount, formatSize, shorten } from '../core/format.js'
import { formatRoute } from '../core/routes.js'
import { nameOf } from '../core/state.js'
import { button, fill, h, icon, setAttribute, setText } from '../parts/dom.js'
import { viewHead } from '../parts/facts.js'
import { fillProblem, problemText } from '../parts/notices.js'
import { arrange } from '../parts/table.js'
import { state } from '../parts/store.js'

/** Rows that are shown: they are made once, and filled again. */
const ROWS = 60
/** How often the rows are filled: no one reads faster. */
const DRAW_MS = 250

/** @typedef {import('../core/changes.js').Kept} Kept */

/** What came while the page was open, also while another view was shown. */
const log = new ChangeLog()
/** @type {string | undefined} */
let position
const chosen = new Set(Object.keys(GROUPS))

/** @returns {import('../main.js').View} */
export function changes() {
  const text = h('input', {
    type: 'search',
    placeholder: 'Name, key or peer',
    'aria-label': 'Show only changes with this text',
    oninput: () => draw(true),
  })
  const rate = h('span', { class: 'muted' })
  const problem = h('div')
  const rows = Array.from({ length: ROWS }, createRow)
  const body = h('tbody')
  const table = h(
    'table',
    null,
    h('caption', { class: 'hidden' }, 'Changes, the newest first'),
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        h('th', { scope: 'col' }, 'change'),
        h('th', { scope: 'col' }, 'what'),
        h('th', { scope: 'col', class: 'number wide' }, 'size'),
        h('th', { scope: 'col', class: 'wider' }, 'because'),
        h('th', { scope: 'col', class: 'wide' }, 'at'),
        h('th', { scope: 'col', class: 'number wider' }, 'position'),
      ),
    ),
    body,
  )
  const nothing = h('p', { class: 'empty' }, 'Waiting for changes…')
  let isPaused = false
  let pausedAt = 0
  const toggle = button(
    'Pause',
    () => {
      isPaused = !isPaused
      pausedAt = log.seen
      fill(
        toggle,
        icon(isPaused ? 'play' : 'pause'),
        h('span', null, isPaused ? 'Continue' : 'Pause'),
      )
      draw(true)
    },
    { icon: 'pause' },
  )
  let drawn = -1
  /** @type {{ at: number, seen: number }[]} */
  const seconds = []

  const draw = (isForced = false) => {
    showRate()
    if (document.hidden || (!isForced && (isPaused || log.seen === drawn))) return
    drawn = log.seen
    const kept = log.newest(ROWS, filterOf(chosen, text.value.trim()))
    nothing.hidden = kept.length > 0
    setText(
      nothing,
      log.seen === 0 ? 'Waiting for changes…' : 'No change that came so far passes the filter.',
    )
    table.hidden = kept.length === 0
    for (const [index, row] of rows.entries()) row.update(kept[index])
    arrange(
      body,
      rows.slice(0, kept.length).map(({ element }) => element),
    )
  }

  const showRate = () => {
    const now = performance.now()
    seconds.push({ at: now, seen: log.seen })
    while ((seconds[0]?.at ?? now) < now - 5000) seconds.shift()
    const first = seconds[0] ?? { at: now, seen: log.seen }
    const perSecond = ((log.seen - first.seen) * 1000) / Math.max(1000, now - first.at)
    const waiting = isPaused ? `, ${formatCount(log.seen - pausedAt)} since the pause` : ''
    setText(rate, `${formatCount(log.seen)} so far, ${Number(perSecond.toFixed(1))}/s${waiting}`)
  }

  const close = openLive({
    path: () => withQuery('/v1/changes', { after: position }),
    onId: (id) => {
      position = id ?? position
    },
    onEvent: ({ event, data }) => {
      if (event === 'failed') {
        fill(
          problem,
          h(
            'div',
            { class: 'refusal', role: 'alert' },
            icon('alert'),
            problemText(failureOf(data)),
          ),
        )
        // The next attempt begins now: what was missed is not told any more.
        position = undefined
      } else log.add(JSON.parse(data), Date.now())
    },
    onConnection: (connection) => {
      if (connection.is === 'refused') fillProblem(problem, connection.error)
      else if (connection.is === 'live') fill(problem)
    },
  })
  const timer = setInterval(draw, DRAW_MS)
  draw(true)

  return {
    element: h(
      'div',
      null,
      viewHead('Changes', 'What is put, named, moved and removed, as it happens.', toggle),
      h(
        'div',
        { class: 'toolbar' },
        groupChoice(() => draw(true)),
        h('div', { class: 'search' }, text),
      ),
      h('p', { class: 'count-line' }, rate),
      problem,
      h('div', { class: 'panel' }, h('div', { class: 'table' }, table, nothing)),
    ),
    close() {
      clearInterval(timer)
      close()
      // The next visit shows what happens then, not all that happened since.
      position = undefined
    },
  }
}

/**
 * @param {string} data
 * @returns {Error}
 */
function failureOf(data) {
  const { detail, hint } = JSON.parse(data)
  return Object.assign(new Error(String(detail)), { hint })
}

/** @param {() => void} onChange */
function groupChoice(onChange) {
  return h(
    'fieldset',
    { class: 'filters' },
    h('legend', { class: 'hidden' }, 'Kinds of changes'),
    ...Object.keys(GROUPS).map((group) => {
      const box = h('input', {
        type: 'checkbox',
        checked: chosen.has(group),
        onchange: () => {
          if (box.checked) chosen.add(group)
          else chosen.delete(group)
          onChange()
        },
      })
      return h('label', { class: 'check' }, box, group)
    }),
  )
}

/** A row whose texts change in place. */
function createRow() {
  const type = h('span', { class: 'type' })
  const what = h('a')
  const more = h('small')
  const size = h('td', { class: 'number wide' })
  const why = h('td', { class: 'wider' })
  const at = h('td', { class: 'wide' })
  const position = h('td', { class: 'number wider' })
  const element = h(
    'tr',
    null,
    h('th', { scope: 'row' }, type),
    h('td', null, what, more),
    size,
    why,
    at,
    position,
  )
  let shown = -1

  /** @param {Kept | undefined} kept */
  const update = (kept) => {
    if (kept === undefined || kept.id === shown) return
    shown = kept.id
    const { change } = kept
    const { names, key, peer } = change
    setText(type, change.type)
    type.className = `type ${change.type}`
    const [name] = names
    const subject =
      name ?? (key === undefined ? (peer === undefined ? '' : nameOf(state, peer)) : shorten(key))
    setText(what, subject)
    const word = name ?? key
    const isGone = change.type === 'remove' || change.type === 'unbind'
    setAttribute(
      what,
      'href',
      word === undefined || isGone ? undefined : formatRoute('values', [word]),
    )
    setText(more, moreOf(change))
    setText(size, change.size === undefined ? '' : formatSize(change.size))
    setText(why, whyText(change.why))
    setText(at, formatClock(kept.at, true))
    setText(position, change.position)
  }
  return { element, update }
}

/** @param {import('../core/documents.js').Change} change */
function moreOf({ names, key, role, previous }) {
  return [
    names.length > 1 ? `and ${formatCount(names.length - 1)} more names` : '',
    names.length > 0 && key !== undefined ? shorten(key) : '',
    role ?? '',
    previous === undefined ? '' : `before ${shorten(previous)}`,
  ]
    .filter(Boolean)
    .join(', ')
}
