/**
 * What moves now: values, who sends them, how far they are, and how fast.
 * @module
 */
import { call } from '../api/client.js'
import { partOf } from '../api/paths.js'
import { may } from '../api/session.js'
import { now } from '../core/clock.js'
import {
  formatCount,
  formatRate,
  formatShare,
  formatSize,
  formatSpan,
  plural,
  shorten,
} from '../core/format.js'
import { formatRoute } from '../core/routes.js'
import { activityPlace } from '../parts/activity.js'
import { button, h, icon, setAttribute, setBar, setText } from '../parts/dom.js'
import { viewHead } from '../parts/facts.js'
import { offFrame, onFrame } from '../parts/frame.js'
import { complain, say } from '../parts/notices.js'
import { arrange, createPager } from '../parts/table.js'
import { listen, state } from '../parts/store.js'

/** @typedef {import('../core/documents.js').Transfer} Transfer */

/** Rows of a page: each changes four times a second. */
const ROWS = 20
/** Peers of one transfer that are named. */
const MOST_PEERS = 8

/** @returns {import('../main.js').View} */
export function transfers() {
  const count = h('p', { class: 'count-line muted' })
  const body = h('tbody')
  const table = h(
    'table',
    null,
    h('caption', { class: 'hidden' }, 'Transfers in progress'),
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        h('th', { scope: 'col' }, 'value'),
        h('th', { scope: 'col', class: 'progress-column' }, 'progress'),
        h('th', { scope: 'col', class: 'number wide' }, 'rate'),
        h('th', { scope: 'col', class: 'wide' }, 'peers'),
        h('th', { scope: 'col' }, h('span', { class: 'hidden' }, 'cancel')),
      ),
    ),
    body,
  )
  const nothing = h('p', { class: 'empty' }, 'Nothing is being transferred.')
  const pager = createPager(() => onFrame(draw), ROWS)
  /** @type {Map<string, ReturnType<typeof createRow>>} */
  let known = new Map()

  const draw = () => {
    const { active = 0, transfers: all = [] } = state.transfers ?? {}
    /** @type {typeof known} */
    const next = new Map()
    for (const transfer of pager.slice(all)) {
      const row = known.get(transfer.id) ?? createRow(transfer)
      row.update(transfer)
      next.set(transfer.id, row)
    }
    known = next
    arrange(
      body,
      [...next.values()].map(({ element }) => element),
    )
    table.hidden = all.length === 0
    nothing.hidden = all.length > 0
    const hidden = active - all.length
    setText(
      count,
      `${plural(active, 'transfer')} in progress${hidden > 0 ? `, of which ${formatCount(all.length)} are listed` : ''}`,
    )
  }

  const leave = listen(['transfers'], () => onFrame(draw))
  draw()
  return {
    element: h(
      'div',
      null,
      viewHead('Transfers', 'Values on their way between machines and callers.'),
      activityPlace(),
      count,
      h('div', { class: 'panel' }, h('div', { class: 'table' }, table, nothing), pager.element),
    ),
    close() {
      leave()
      offFrame(draw)
    },
  }
}

/**
 * A row of one transfer, which changes in place.
 * @param {Transfer} first
 */
function createRow({ id, key, name, direction }) {
  // The key of a stream is known only at its end.
  const word = name ?? (key === '' ? 'a stream' : shorten(key))
  const bar = h('div', { class: 'bar' })
  const track = h(
    'div',
    {
      class: 'track',
      role: 'progressbar',
      'aria-label': `Progress of ${word}`,
      'aria-valuemin': 0,
      'aria-valuemax': 100,
    },
    bar,
  )
  const words = h('small')
  const since = h('small')
  const rate = h('td', { class: 'number wide' })
  const peers = h('td', { class: 'wide' })
  const stop = button('Cancel', () => void cancel(id, stop), {
    kind: 'quiet',
    label: `Cancel ${word}`,
  })
  const element = h(
    'tr',
    null,
    h(
      'th',
      { scope: 'row' },
      icon(direction === 'out' ? 'up' : 'down'),
      ' ',
      key === '' ? word : h('a', { href: formatRoute('values', [key]), title: key }, word),
      since,
    ),
    h('td', null, track, words),
    rate,
    peers,
    h('td', { class: 'tools' }, may('DELETE /v1/transfers/{transfer}') && stop),
  )

  /** @param {Transfer} transfer */
  const update = ({ size, done, rate: speed, startedAt, direction: way, peers: from }) => {
    const isKnown = size !== undefined && size > 0
    track.hidden = !isKnown
    if (isKnown) {
      const share = Math.min(1, done / size)
      setBar(bar, share)
      setAttribute(track, 'aria-valuenow', Math.round(100 * share))
    }
    setText(
      words,
      isKnown
        ? `${formatSize(done)} of ${formatSize(size)}, ${formatShare(done, size)}`
        : formatSize(done),
    )
    const age = formatSpan(Math.max(1000, now() - Date.parse(startedAt)))
    setText(since, `${way === 'out' ? 'sent' : 'received'} for ${age}, ${formatRate(speed)}`)
    setText(rate, formatRate(speed))
    const text = from
      .slice(0, MOST_PEERS)
      .map(({ peer, label, bytes }) => `${label ?? shorten(peer, 8, 5)} ${formatSize(bytes)}`)
    const rest = from.length - MOST_PEERS
    setText(peers, [...text, ...(rest > 0 ? [`and ${plural(rest, 'more peer')}`] : [])].join(', '))
  }
  return { element, update }
}

/**
 * @param {string} id
 * @param {HTMLButtonElement} stop
 */
async function cancel(id, stop) {
  stop.disabled = true
  try {
    await call('DELETE', `/v1/transfers/${partOf(id)}`)
    say('The transfer is cancelled')
  } catch (error) {
    complain(error)
    stop.disabled = false
  }
}
