/**
 * One removal, with a tile for each machine: who owes is red until it has acknowledged.
 * @module
 */
import { formatCount, plural, shorten } from '../../core/format.js'
import { ago } from '../../parts/ages.js'
import { fill, h, icon, mark, setText } from '../../parts/dom.js'
import { arrange } from '../../parts/table.js'

/** @typedef {import('../../core/removals.js').Progress} Progress */

/**
 * A removal with a tile for each machine.
 * @param {string} id
 */
export function createRemoval(id) {
  const heading = h('h2', { id: `removal-${id.replaceAll(/\W/g, '-')}` })
  const about = h('p', { class: 'muted' })
  const words = h('p', { class: 'headline' })
  const bar = h('div', { class: 'bar' })
  const track = h('div', { class: 'track progress-line', 'aria-hidden': 'true' }, bar)
  const note = h('p', { class: 'hint' })
  const tiles = h('ul', { class: 'tiles' })
  const element = h(
    'section',
    { class: 'panel removal', 'aria-labelledby': heading.id },
    h('header', null, heading, about),
    words,
    track,
    note,
    tiles,
  )
  /** @type {Map<string, HTMLElement>} */
  let known = new Map()
  let before = ''

  /** @param {Progress} progress */
  const update = (progress) => {
    const text = JSON.stringify(progress)
    if (text === before) return
    before = text
    const { key, name, startedAt, endedAt, acknowledged, owing, unlisted } = progress
    const all = acknowledged + owing
    setText(heading, name ?? shorten(key))
    fill(about, startedAt !== undefined && ago(startedAt))
    if (all === 0)
      fill(
        words,
        progress.note === 'Waiting for the machines…'
          ? mark('idle', 'Asking')
          : mark('good', 'No machine has to acknowledge'),
      )
    else if (owing === 0)
      fill(
        words,
        mark(
          'good',
          `All ${plural(all, 'machine')} have acknowledged`.replace(
            'All 1 machine have',
            'The machine has',
          ),
        ),
      )
    else
      fill(
        words,
        mark(
          'bad',
          `${formatCount(owing)} of ${plural(all, 'machine')} ${owing === 1 ? 'owes its' : 'owe their'} acknowledgement`,
        ),
      )
    track.hidden = all === 0
    bar.style.width = `${all === 0 ? 0 : (100 * acknowledged) / all}%`
    element.classList.toggle('over', endedAt !== undefined)
    const rest =
      unlisted === 0
        ? ''
        : `${plural(unlisted, 'machine')} more ${unlisted === 1 ? 'is' : 'are'} only counted.`
    setText(note, [progress.note, rest].filter(Boolean).join(' '))
    note.hidden = note.textContent === ''
    updateTiles(progress)
  }

  /** @param {Progress} progress */
  const updateTiles = (progress) => {
    /** @type {typeof known} */
    const next = new Map()
    for (const tile of progress.tiles) {
      const there = known.get(`${tile.state} ${tile.name}`)
      next.set(`${tile.state} ${tile.name}`, there ?? tileOf(tile))
    }
    known = next
    arrange(tiles, [...next.values()])
  }
  return { element, update }
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
