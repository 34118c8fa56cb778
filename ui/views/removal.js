/**
 * Removes a value or a name everywhere, and shows each machine as it acknowledges.
 * @module
 */
import { ask } from '../api/client.js'
import { factsPath, keyIn, namePath, valuePath, withQuery } from '../api/paths.js'
import { actingRole, may } from '../api/session.js'
import { now } from '../core/clock.js'
import { formatCount, formatSize, plural, shorten } from '../core/format.js'
import { formatRoute } from '../core/routes.js'
import { progressOf, progressOfAnswer, spokenOf } from '../core/removals.js'
import { nameOf } from '../core/state.js'
import { goTo } from '../parts/address.js'
import { keyText } from '../parts/copy.js'
import { askFor, typedField } from '../parts/dialog.js'
import { button, fill, h, setText } from '../parts/dom.js'
import { viewHead } from '../parts/facts.js'
import { offFrame, onFrame } from '../parts/frame.js'
import { complain, fillProblem, say } from '../parts/notices.js'
import { arrange } from '../parts/table.js'
import { listen, state } from '../parts/store.js'
import { createRemoval } from './removal/progress.js'

/**
 * @typedef {import('../core/removals.js').Progress} Progress
 * @typedef {import('../core/documents.js').Facts} Facts
 * @typedef {import('../core/documents.js').RemovalAnswer} RemovalAnswer
 */

/** Outcomes of this page's own calls that are kept. */
const MOST_OUTCOMES = 20
/** Removals that show their machines at first. */
const MOST_OPEN = 2
/** Removals that are made in one frame: the browser lays them out and paints them in it as well. */
const NEW_IN_FRAME = 4
/** How often a removal is read aloud at most. */
const SPEAK_MS = 3000

/** @type {Progress[]} */
const outcomes = []
/** @type {{ word: string, startedAt: string }[]} */
const asking = []

/**
 * @param {import('../core/routes.js').Route} first
 * @returns {import('../main.js').View}
 */
export function removal(first) {
  const found = h('div')
  const input = h('input', {
    type: 'text',
    'aria-label': 'Key or name to remove',
    placeholder: 'Key or name',
    autocomplete: 'off',
    spellcheck: 'false',
  })
  const form = h(
    'form',
    {
      class: 'search find',
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault()
        goTo(formatRoute('removal', [], { word: input.value.trim() }))
      },
    },
    input,
    h('button', { type: 'submit' }, 'Look up'),
  )
  const list = h('div', { class: 'removals' })
  const nothing = h('p', { class: 'empty panel' }, emptyText())
  const spoken = h('p', { class: 'hidden', role: 'status' })
  let reading = new AbortController()
  /** @type {Map<string, ReturnType<typeof createRemoval>>} */
  let shown = new Map()
  let spokeAt = 0

  const draw = () => {
    const all = removalsNow()
    /** @type {typeof shown} */
    const next = new Map()
    let made = 0
    for (const [index, progress] of all.entries()) {
      const there = shown.get(progress.id)
      if (there === undefined && ++made > NEW_IN_FRAME) continue
      const one = there ?? createRemoval(progress.id, index < MOST_OPEN)
      one.update(progress)
      next.set(progress.id, one)
    }
    if (made > NEW_IN_FRAME) onFrame(draw)
    shown = next
    arrange(
      list,
      [...next.values()].map(({ element }) => element),
    )
    nothing.hidden = all.length > 0
    speak(all[0])
  }

  const speak = (/** @type {Progress | undefined} */ newest) => {
    const at = performance.now()
    // A removal that was refused is gone again.
    const text = newest === undefined ? '' : spokenOf(newest)
    if (text === spoken.textContent || ((newest?.owing ?? 0) > 0 && at - spokeAt < SPEAK_MS)) return
    spokeAt = at
    setText(spoken, text)
  }

  const update = (/** @type {import('../core/routes.js').Route} */ { query }) => {
    reading.abort()
    reading = new AbortController()
    const word = query['word'] ?? ''
    input.value = word
    fill(found)
    if (word !== '') void lookUp(word, found, reading.signal, () => onFrame(draw))
  }

  const leave = listen(['removals', 'members'], () => onFrame(draw))
  draw()
  update(first)
  const mayRemove = may('DELETE /v1/values/{key}') || may('DELETE /v1/names/{name}')
  return {
    element: h(
      'div',
      null,
      viewHead('Removal', 'Removes a value from every machine, and shows who has acknowledged.'),
      mayRemove && h('div', { class: 'toolbar' }, form),
      found,
      spoken,
      nothing,
      list,
    ),
    update,
    close() {
      leave()
      offFrame(draw)
      reading.abort()
    },
  }
}

const emptyText = () =>
  may('DELETE /v1/values/{key}')
    ? 'No removal in the last ten minutes. Look up a key or a name to remove it.'
    : 'No removal in the last ten minutes.'

/**
 * What Global tells, and the outcomes that it does not.
 * @returns {Progress[]}
 */
function removalsNow() {
  const told = (state.removals ?? []).map(progressOf)
  const known = new Set(told.map(({ key }) => key))
  const own = outcomes.filter(({ key, note }) => !known.has(key) || note !== '')
  /** @type {Progress[]} */
  const waiting = asking
    .filter(
      ({ word }) =>
        !told.some(
          ({ key, name, endedAt }) => endedAt === undefined && (key === word || name === word),
        ),
    )
    .map(({ word, startedAt }) => ({
      id: `asking-${word}`,
      key: word,
      startedAt,
      tiles: [],
      acknowledged: 0,
      owing: 0,
      unlisted: 0,
      isAsking: true,
      note: 'Waiting for the machines…',
    }))
  return [
    ...waiting,
    ...told.toSorted((a, b) => ((b.startedAt ?? '') < (a.startedAt ?? '') ? -1 : 1)),
    ...own,
  ]
}

/**
 * Shows what would go, and the button that begins.
 * @param {string} word
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 * @param {() => void} redraw
 */
async function lookUp(word, place, signal, redraw) {
  try {
    /** @type {Facts} */
    const facts = await ask('GET', factsPath(word), { signal })
    const isName = keyIn(word) === undefined
    const kind = isName ? await nameKind(word, signal) : undefined
    const { key, size, names, directory, heldBy = 0 } = facts
    const mayIt =
      actingRole() === 'admin'
        ? may(isName ? 'DELETE /v1/names/{name}' : 'DELETE /v1/values/{key}')
        : isName && kind === 'tag' && may('DELETE /v1/names/{name}')
    const others = names.filter((name) => name !== word)
    fill(
      place,
      h(
        'section',
        { class: 'panel removal about' },
        h('header', null, h('h2', null, isName ? word : shorten(key)), keyText(key)),
        h(
          'p',
          null,
          directory === undefined
            ? formatSize(size)
            : `A directory: ${formatSize(directory.totalSize)} in ${plural(directory.files, 'file')}`,
          isName ? `, a ${kind === 'tag' ? 'tag' : 'fixed name'}` : '',
          others.length === 0 ? '' : `, ${plural(others.length, isName ? 'other name' : 'name')}`,
          heldBy === 0 ? '' : `, in ${plural(heldBy, 'directory', 'directories')}`,
        ),
        others.length > 0 &&
          h(
            'p',
            { class: 'hint' },
            others.slice(0, 10).join(', '),
            others.length > 10 ? ` and ${formatCount(others.length - 10)} more` : '',
          ),
        h(
          'div',
          { class: 'actions' },
          mayIt
            ? button('Remove…', () => confirm(word, facts, isName, place, redraw), {
                icon: 'trash',
                kind: 'danger',
              })
            : h('p', { class: 'muted' }, `The role ${actingRole()} may not remove this.`),
        ),
      ),
    )
  } catch (error) {
    fillProblem(place, error)
  }
}

/**
 * @param {string} name
 * @param {AbortSignal} signal
 */
async function nameKind(name, signal) {
  /** @type {import('../core/documents.js').NameLine} */
  const { kind } = await ask('GET', namePath(name), { signal })
  return kind
}

/**
 * @param {string} word
 * @param {Facts} facts
 * @param {boolean} isName
 * @param {HTMLElement} place
 * @param {() => void} redraw
 */
function confirm(word, { key, names, heldBy = 0 }, isName, place, redraw) {
  const isKept = isName ? false : names.length > 0 || heldBy > 0
  askFor({
    title: `Remove ${isName ? word : shorten(key)} from every machine?`,
    text: [
      isName
        ? 'The name goes. Its value goes with it, unless another name, a directory or a put without a name keeps it.'
        : 'The value goes from every machine. A machine that has acknowledged gives it to no one.',
    ],
    fields: [
      ...(isKept
        ? [
            {
              name: 'force',
              label: `With ${plural(names.length, 'name')}${heldBy === 0 ? '' : ', although directories hold it'} (force)`,
              check: true,
            },
          ]
        : []),
      ...(isName ? [{ name: 'keep', label: 'Only the name: the value stays', check: true }] : []),
      // A key is long: its last characters tell it from others.
      isName
        ? typedField('the name', word)
        : typedField('the last eight characters of the key', word.slice(-8)),
    ],
    action: 'Remove',
    kind: 'danger',
    act: async ({ force, keep }) => {
      const path = isName
        ? withQuery(namePath(word), { keep: keep === '1' ? '1' : undefined })
        : withQuery(valuePath(word), { force: force === '1' ? '1' : undefined })
      fill(place)
      // The answer comes when every machine has acknowledged, or none is waited for any longer.
      void remove(path, word, key, redraw)
    },
  })
}

/**
 * @param {string} path
 * @param {string} word
 * @param {string} key
 * @param {() => void} redraw
 */
async function remove(path, word, key, redraw) {
  const waiting = { word, startedAt: new Date(now()).toISOString() }
  asking.push(waiting)
  redraw()
  try {
    /** @type {RemovalAnswer} */
    const answer = await ask('DELETE', path)
    const progress = progressOfAnswer(answer, key, (peer) => nameOf(state, peer))
    outcomes.unshift(progress)
    outcomes.splice(MOST_OUTCOMES)
    say(
      `${word} is removed${answer.owed.length === 0 ? '' : `; ${plural(answer.owed.length, 'machine')} still to acknowledge`}`,
    )
  } catch (error) {
    complain(error)
  } finally {
    asking.splice(asking.indexOf(waiting), 1)
    redraw()
  }
}
