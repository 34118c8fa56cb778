/**
 * One removal, with a tile for each machine: who owes is red until it has acknowledged.
 * @module
 */
import { formatCount, plural, shorten } from '../../core/format.js'
import { ago } from '../../parts/ages.js'
import { fill, h, icon, mark, setBar, setText } from '../../parts/dom.js'
import { onFrame } from '../../parts/frame.js'
import { arrange } from '../../parts/table.js'

/** @typedef {import('../../core/removals.js').Progress} Progress */

/** Tiles that are made in one frame: the browser lays them out and paints them in it as well. */
const NEW_IN_FRAME = 16
/** Tiles of machines that have acknowledged: the others are counted. */
const MOST_DONE = 24

/**
 * A removal with a tile for each machine. Tiles are made while they are shown only: there may be
 * many removals at the same time, with many machines each.
 * @param {string} id
 * @param {boolean} isOpen Whether the machines are shown at first.
 */
export function createRemoval(id, isOpen) {
  const heading = h('h2', { id: `removal-${id.replaceAll(/\W/g, '-')}` })
  const about = h('p', { class: 'muted' })
  const words = h('p', { class: 'headline' })
  const bar = h('div', { class: 'bar' })
  const track = h('div', { class: 'track progress-line', 'aria-hidden': 'true' }, bar)
  const note = h('p', { class: 'hint' })
  const tiles = h('ul', { class: 'tiles' })
  const rest = h('p', { class: 'hint' })
  const machines = h(
    'details',
    { open: isOpen, ontoggle: () => updateTiles() },
    h('summary', null, 'Machines'),
    tiles,
    rest,
  )
  const element = h(
    'section',
    { class: 'panel removal', 'aria-labelledby': heading.id },
    h('header', null, heading, about),
    words,
    track,
    note,
    machines,
  )
  /** @type {Map<string, HTMLElement>} */
  let known = new Map()
  let before = ''
  let said = ''
  /** @type {string | undefined} */
  let began
  /** @type {Progress | undefined} */
  let current

  /** @param {Progress} progress */
  const update = (progress) => {
    const text = JSON.stringify(progress)
    if (text === before) return
    before = text
    current = progress
    const { key, name, startedAt, acknowledged, owing } = progress
    const all = acknowledged + owing
    setText(heading, name ?? shorten(key))
    if (began !== startedAt) fill(about, startedAt !== undefined && ago(startedAt))
    began = startedAt
    const [level, sentence] = sentenceOf(progress)
    if (said !== sentence) fill(words, mark(level, sentence))
    said = sentence
    track.hidden = all === 0
    setBar(bar, all === 0 ? 0 : acknowledged / all)
    setText(note, progress.note ?? '')
    note.hidden = note.textContent === ''
    machines.hidden = all === 0 && progress.tiles.length === 0
    updateTiles()
  }

  const updateTiles = () => {
    if (current === undefined || !machines.open) {
      known = new Map()
      fill(tiles)
      return
    }
    const done = current.tiles.filter(({ state }) => state === 'done')
    const shown = [
      ...current.tiles.filter(({ state }) => state !== 'done'),
      ...done.slice(0, MOST_DONE),
    ]
    /** @type {typeof known} */
    const next = new Map()
    let made = 0
    for (const tile of shown) {
      const key = `${tile.state} ${tile.name}`
      const there = known.get(key)
      if (there === undefined && ++made > NEW_IN_FRAME) continue
      next.set(key, there ?? tileOf(tile))
    }
    if (made > NEW_IN_FRAME) onFrame(updateTiles)
    known = next
    arrange(tiles, [...next.values()])
    const counted = Math.max(0, done.length - MOST_DONE) + current.unlisted
    setText(
      rest,
      counted === 0
        ? ''
        : `and ${plural(counted, 'more machine')}, which ${counted === 1 ? 'is' : 'are'} only counted`,
    )
    rest.hidden = counted === 0
  }
  return { element, update }
}

/**
 * How far a removal is.
 * @param {Progress} progress
 * @returns {['good' | 'bad' | 'idle', string]}
 */
function sentenceOf({ acknowledged, owing, isAsking }) {
  const all = acknowledged + owing
  if (isAsking === true) return ['idle', 'Asking']
  if (all === 0) return ['good', 'No machine has to acknowledge']
  if (owing > 0) {
    const verb = owing === 1 ? 'owes its' : 'owe their'
    return ['bad', `${formatCount(owing)} of ${plural(all, 'machine')} ${verb} acknowledgement`]
  }
  return [
    'good',
    all === 1
      ? 'The machine has acknowledged'
      : `All ${formatCount(all)} machines have acknowledged`,
  ]
}

const TILES = Object.freeze({
  done: ['check', 'acknowledged'],
  owes: ['wait', 'owes its acknowledgement'],
  expired: ['away', 'its lease ran out'],
})

/** @param {import('../../core/removals.js').Tile} tile */
function tileOf({ name, state: is }) {
  const [sign = '', word = ''] = TILES[is]
  return h(
    'li',
    { class: `tile ${is}` },
    icon(sign),
    h('span', { title: name }, name.startsWith('12D3KooW') ? shorten(name, 8, 5) : name),
    h('small', null, word),
  )
}
