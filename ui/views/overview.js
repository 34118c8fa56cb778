/**
 * The node at a glance: what needs attention, the rates of the last ten minutes, and its figures.
 * @module
 */
import { attentionOf } from '../core/attention.js'
import { fill, h, icon } from '../parts/dom.js'
import { viewHead } from '../parts/facts.js'
import { offFrame, onFrame } from '../parts/frame.js'
import { hintText } from '../parts/notices.js'
import { listen, state } from '../parts/store.js'
import { createCards } from './overview/cards.js'
import { createRates } from './overview/rates.js'

/** @returns {import('../main.js').View} */
export function overview() {
  const attention = createAttention()
  const rates = createRates()
  const cards = createCards()
  const draw = () => {
    attention.update()
    cards.update()
  }
  const leave = [
    listen(['status', 'members'], () => onFrame(draw)),
    listen(['rates'], () => onFrame(rates.update)),
  ]
  draw()
  rates.update()
  return {
    element: h(
      'div',
      null,
      viewHead('Overview', 'This node now, and over the last ten minutes.'),
      attention.element,
      rates.element,
      cards.element,
    ),
    close() {
      for (const one of leave) one()
      offFrame(draw)
      offFrame(rates.update)
      rates.close()
    },
  }
}

/** What is wrong, or that nothing is. */
function createAttention() {
  const list = h('ul', { class: 'attention' })
  let shown = ''
  const update = () => {
    if (state.status === undefined) return
    const notices = attentionOf(state)
    const text = JSON.stringify(notices)
    if (text === shown) return
    shown = text
    const lines = notices.map(({ level, text: what, hint }) =>
      h(
        'li',
        { class: level },
        icon('alert'),
        h('div', null, h('p', null, what), hint && hintText(hint)),
      ),
    )
    const well = h('li', { class: 'good' }, icon('check'), h('p', null, 'Nothing needs attention.'))
    fill(list, lines.length === 0 ? well : lines)
  }
  return {
    element: h('section', { 'aria-label': 'Attention', 'aria-live': 'polite' }, list),
    update,
  }
}
