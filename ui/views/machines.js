/**
 * Every machine: connected or not, since when, how far behind, what it serves and what it owes.
 * @module
 */
import { formatCount, formatLatency, formatSize, plural } from '../core/format.js'
import { countMachines, machinesOf } from '../core/machines.js'
import { ago } from '../parts/ages.js'
import { peerText } from '../parts/copy.js'
import { fill, h, mark } from '../parts/dom.js'
import { viewHead } from '../parts/facts.js'
import { offFrame, onFrame } from '../parts/frame.js'
import { createPager, createTable } from '../parts/table.js'
import { listen, state } from '../parts/store.js'

/** @typedef {import('../core/machines.js').Machine} Machine */

/** @type {Readonly<Record<string, 'good' | 'warn' | 'bad' | 'idle'>>} */
export const MACHINE_LEVELS = { connected: 'good', doubtful: 'warn', away: 'idle', expelled: 'bad' }

/** @returns {import('../main.js').View} */
export function machines() {
  const counts = h('ul', { class: 'counts' })
  const search = h('input', {
    type: 'search',
    placeholder: 'Label or id',
    'aria-label': 'Find machines by label or id',
    oninput: () => {
      pager.reset()
      onFrame(draw)
    },
  })
  const pager = createPager(() => onFrame(draw))
  /** @type {ReturnType<typeof createTable<Machine>>} */
  const table = createTable({
    caption: 'Machines',
    keyOf: ({ peer }) => peer,
    classOf: ({ owes = 0 }) => (owes > 0 ? 'owes' : ''),
    columns: [
      { label: 'machine', cell: nameCell },
      { label: 'state', cell: ({ state: is }) => mark(MACHINE_LEVELS[is] ?? 'idle', is) },
      { label: 'since', class: 'wide', cell: ({ since }) => ago(since) },
      {
        label: 'behind',
        class: 'number wide',
        cell: ({ behind }) => (behind === undefined ? '–' : formatCount(behind)),
      },
      { label: 'served', class: 'number wide', cell: ({ bytesServed }) => formatSize(bytesServed) },
      { label: 'owes', cell: owesCell },
    ],
    empty: 'No machine matches.',
  })
  let countsShown = ''

  const draw = () => {
    const all = machinesOf(state)
    const { status } = state
    const text = countMachines(all).map(([word, count]) => `${formatCount(count)} ${word}`)
    if (text.join() !== countsShown) {
      countsShown = text.join()
      fill(counts, ...text.map((one) => h('li', null, one)))
    }
    const words = search.value.trim().toLowerCase()
    const found = words === '' ? all : all.filter((one) => isLike(one, words))
    search.parentElement?.toggleAttribute('hidden', all.length < 10)
    table.setEmpty(words === '' ? emptyText(status?.role) : 'No machine matches.')
    table.update(pager.slice(found))
  }

  const leave = listen(['status', 'members', 'removals'], () => onFrame(draw))
  const element = h(
    'div',
    null,
    viewHead('Machines', 'Who is connected, how far behind, and who owes an acknowledgement.'),
    h('div', { class: 'toolbar' }, counts, h('div', { class: 'search' }, search)),
    h('div', { class: 'panel' }, table.element, pager.element),
  )
  draw()
  return {
    element,
    close() {
      leave()
      offFrame(draw)
    },
  }
}

/**
 * @param {Machine} machine
 * @returns {Node[]}
 */
function nameCell({ peer, label, role, roundTripMs, kind }) {
  const about = [
    kind,
    role,
    roundTripMs === undefined ? undefined : `round trip ${formatLatency(roundTripMs)}`,
  ]
  const text = about.filter(Boolean).join(', ')
  return [h('strong', { title: peer }, peerText(label ?? peer)), h('small', null, text)]
}

/** @param {Machine} machine */
const owesCell = ({ owes }) =>
  owes === undefined
    ? '–'
    : owes === 0
      ? h('span', { class: 'muted' }, 'nothing')
      : mark('bad', plural(owes, 'removal'))

/**
 * @param {Machine} machine
 * @param {string} words
 */
const isLike = ({ label = '', peer, state: is }, words) =>
  label.toLowerCase().includes(words) || peer.toLowerCase().includes(words) || is === words

/** @param {string | undefined} role */
const emptyText = (role) =>
  role === 'standalone'
    ? 'This node stands alone. `dstore start --global` makes it a Global that others join.'
    : 'No machine is known yet. Invite one under Access.'
