/**
 * One value: its facts, who has it, what it looks like, and what can be done with it.
 * @module
 */
import { ask, list } from '../../api/client.js'
import { factsPath, keyIn, namePath, valuePath } from '../../api/paths.js'
import { may, session } from '../../api/session.js'
import { formatCount, formatShare, formatSize, plural } from '../../core/format.js'
import { formatRoute } from '../../core/routes.js'
import { nameOf } from '../../core/state.js'
import { ago } from '../../parts/ages.js'
import { keyText, peerText } from '../../parts/copy.js'
import { fill, h, icon, mark, setBar } from '../../parts/dom.js'
import { card, createFacts } from '../../parts/facts.js'
import { fillProblem } from '../../parts/notices.js'
import { createPreview } from '../../parts/preview.js'
import { state } from '../../parts/store.js'
import { actionsOf } from './actions.js'
import { createEntries, pathOf } from './entry.js'

/**
 * @typedef {import('../../core/documents.js').Facts} Facts
 * @typedef {import('../../core/documents.js').NameLine} NameLine
 */

/** Names and machines that are listed. */
const MOST_LISTED = 200

/**
 * @param {string} word A key or a name.
 * @param {number} page Of the entries of a directory.
 */
export function value(word, page) {
  const place = h('div', null, h('p', { class: 'empty' }, 'Reading…'))
  let reading = new AbortController()
  /** @type {(() => void)[]} */
  const closing = []
  const close = () => {
    reading.abort()
    for (const one of closing.splice(0)) one()
  }

  const read = async () => {
    close()
    reading = new AbortController()
    const { signal } = reading
    try {
      /** @type {Facts} */
      const facts = await ask('GET', factsPath(word), { signal })
      const isName = facts.names.includes(word) || keyIn(word) === undefined
      /** @type {NameLine | undefined} */
      const name = isName ? await ask('GET', namePath(word), { signal }) : undefined
      show(facts, name, signal)
    } catch (error) {
      fillProblem(place, error)
    }
  }

  /**
   * @param {Facts} facts
   * @param {NameLine | undefined} name
   * @param {AbortSignal} signal
   */
  const show = (facts, name, signal) => {
    const { directory, size } = facts
    const isDirectory = directory !== undefined
    const preview = isDirectory ? undefined : createPreview(valuePath(word), size, word)
    const entries = isDirectory ? createEntries(word, [], page) : undefined
    closing.push(
      () => preview?.close(),
      () => entries?.close(),
    )
    const about = card(
      name === undefined ? 'Value' : word,
      factsOf(facts, name),
      actionsOf(word, facts, name, () => void read()),
      preview?.element,
    )
    const side = h(
      'div',
      null,
      // A session with a prefix is not told who has it: its facts say 0 bytes and no machine.
      session().prefix === undefined ? holdersCard(facts) : undefined,
      namesCard(facts, word),
      historyCard(name, signal),
    )
    fill(
      place,
      h(
        'div',
        { class: 'columns' },
        h('div', null, about, entries && card('Entries', entries.element)),
        side,
      ),
    )
  }

  void read()
  return { element: h('div', null, pathOf(word), place), reload: () => void read(), close }
}

/**
 * @param {Facts} facts
 * @param {NameLine | undefined} name
 */
function factsOf({ key, size, incarnation, confirmed, directory, heldBy }, name) {
  const list = createFacts()
  list.update([
    ['key', keyText(key)],
    [
      'size',
      directory === undefined
        ? `${formatSize(size)} (${plural(size, 'byte')})`
        : `${formatSize(directory.totalSize)} in ${plural(directory.files, 'file')}`,
    ],
    ['kind', name?.kind === 'tag' ? 'a tag: it may be moved' : name && 'a fixed name'],
    ['bound', name?.boundAt === undefined ? undefined : ago(name.boundAt)],
    [
      'expires',
      name === undefined ? undefined : name.expiresAt === undefined ? 'never' : ago(name.expiresAt),
    ],
    ['kept', confirmed ? 'by Global' : mark('warn', 'not confirmed by Global yet')],
    ['in directories', heldBy === undefined ? undefined : formatCount(heldBy)],
    [
      'lacks',
      directory?.mayLack === true ? mark('warn', 'something in it may be missing') : undefined,
    ],
    ['incarnation', formatCount(incarnation)],
  ])
  return list.element
}

/**
 * Who has how much, as a small map: this node, and the machines that serve it to others. Which
 * machines keep a copy for themselves alone, no machine knows.
 * @param {Facts} facts
 */
function holdersCard({ holders, heldBytes, size }) {
  const own = size === 0 ? 1 : Math.min(1, heldBytes / size)
  const names = holders.slice(0, MOST_LISTED).map((peer) => nameOf(state, peer))
  return card(
    'Who has it',
    h(
      'p',
      null,
      `This node ${formatSize(heldBytes)} of ${formatSize(size)} (${formatShare(heldBytes, size)})`,
      holders.length === 0
        ? '.'
        : `, and ${plural(holders.length, 'machine')} that ${holders.length === 1 ? 'serves' : 'serve'} it to others.`,
    ),
    h('div', { class: 'map', 'aria-hidden': 'true' }, cell('this node', own), ...names.map(holder)),
    names.length === 0
      ? undefined
      : h(
          'ul',
          { class: 'chips holders' },
          ...names.map((name) => h('li', { class: 'chip' }, icon('check'), peerText(name))),
        ),
    h('p', { class: 'hint' }, 'Other machines may keep a copy for themselves.'),
  )
}

/** @param {string} name */
const holder = (name) => cell(name, 1, 'all or some of it')

/**
 * @param {string} name
 * @param {number} share
 * @param {string} [text]
 */
function cell(name, share, text = `${Math.round(100 * share)}%`) {
  const bar = h('div', { class: 'bar' })
  setBar(bar, share)
  return h('div', { class: 'cell', title: `${name}: ${text}` }, bar)
}

/**
 * @param {Facts} facts
 * @param {string} word
 */
function namesCard({ names }, word) {
  const others = names.filter((name) => name !== word)
  if (others.length === 0) return undefined
  const shown = others.slice(0, MOST_LISTED)
  const rest = others.length - shown.length
  return card(
    others.length === names.length ? 'Names' : 'Other names',
    h(
      'ul',
      { class: 'chips' },
      ...shown.map((name) =>
        h('li', { class: 'chip' }, h('a', { href: formatRoute('values', [name]) }, name)),
      ),
    ),
    rest > 0 ? h('p', { class: 'hint' }, `and ${formatCount(rest)} more`) : undefined,
  )
}

/**
 * What a tag pointed to before.
 * @param {NameLine | undefined} name
 * @param {AbortSignal} signal
 */
function historyCard(name, signal) {
  if (name?.kind !== 'tag' || !may('GET /v1/names/{name}/history')) return undefined
  const place = h('ul')
  const read = async () => {
    try {
      const { lines } = await list(`${namePath(name.name)}/history`, { limit: MOST_LISTED, signal })
      const targets = /** @type {{ key: string, at?: string }[]} */ (lines)
      fill(place, ...targets.map(({ key, at }) => h('li', null, keyText(key), ' ', ago(at))))
    } catch (error) {
      fillProblem(place, error)
    }
  }
  void read()
  return card('History of the tag', place)
}
