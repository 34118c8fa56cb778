/**
 * The set that the node is a member of, and how another member takes over.
 * @module
 */
import { call } from '../../api/client.js'
import { may } from '../../api/session.js'
import { formatCount, formatSpan } from '../../core/format.js'
import { ago } from '../../parts/ages.js'
import { askFor } from '../../parts/dialog.js'
import { button, mark } from '../../parts/dom.js'
import { card, createFacts } from '../../parts/facts.js'
import { say } from '../../parts/notices.js'
import { createTable } from '../../parts/table.js'

/** @typedef {import('../../core/documents.js').SetMember} SetMember */

/** @type {Readonly<Record<string, 'good' | 'warn' | 'bad' | 'idle'>>} */
const LEVELS = { active: 'good', standby: 'good', paused: 'bad', fenced: 'bad' }

/** @param {SetMember} member */
function saidSo({ at, agoMs, isOwn }) {
  if (isOwn) return '–'
  return agoMs === undefined ? ago(at) : `${formatSpan(agoMs)} ago`
}

/** @returns {{ element: HTMLElement, update: (status: import('../../core/documents.js').Status) => boolean }} */
export function setCard() {
  const facts = createFacts()
  /** @type {ReturnType<typeof createTable<SetMember>>} */
  const members = createTable({
    caption: 'Members of the set',
    keyOf: ({ id }) => id,
    columns: [
      { label: 'member', cell: ({ name, isOwn }) => (isOwn ? `${name} (this one)` : name) },
      { label: 'state', cell: ({ state }) => mark(LEVELS[state] ?? 'idle', state) },
      { label: 'entry', class: 'number', cell: ({ position }) => formatCount(position) },
      { label: 'said so', class: 'wide', cell: saidSo },
      { label: 'version', class: 'wider', cell: ({ version }) => version },
    ],
  })
  const step = button('Step down…', stepDown)
  const element = card('Set', facts.element, members.element, step)
  element.classList.add('broad')
  return {
    element,
    update({ set }) {
      if (set === undefined) return false
      facts.update([
        ['state', set.state],
        ['epoch', formatCount(set.epoch)],
        ['engine', `${set.engine}, answered ${formatSpan(set.engineSilentMs)} ago`],
        ['bucket', set.bucket],
        ['last fault', set.error],
      ])
      members.update(set.members)
      step.hidden = set.state !== 'active' || !may('POST /v1/set/step-down')
      return true
    },
  }
}

function stepDown() {
  askFor({
    title: 'Let another member take over?',
    text: ['This member stops serving, and stands by. Another one that stands by becomes active.'],
    action: 'Step down',
    act: async () => {
      await call('POST', '/v1/set/step-down')
      say('This member stands by')
    },
  })
}
