/**
 * What stands around every view: navigation, the state of the connection, theme, and session.
 * @module
 */
import { endSession, may } from '../api/session.js'
import { formatSpan, plural } from '../core/format.js'
import { formatRoute } from '../core/routes.js'
import { setTheme, theme } from '../first.js'
import { ago } from './ages.js'
import { button, fill, h, icon, setAttribute, setText } from './dom.js'
import { onFrame } from './frame.js'
import { complain, fillProblem } from './notices.js'
import { listen, state } from './store.js'

/**
 * @typedef {import('../main.js').ViewEntry} ViewEntry
 * @typedef {import('../core/documents.js').SessionDocument} SessionDocument
 */

/**
 * @param {readonly ViewEntry[]} views
 * @param {SessionDocument} session
 * @param {() => void} onEnd
 */
export function createShell(views, session, onEnd) {
  const links = new Map(
    views.map(({ name, label }) => [
      name,
      h(
        'a',
        { href: formatRoute(name) },
        h('span', null, label),
        h('span', { class: 'badge', hidden: true }),
      ),
    ]),
  )
  const connection = createConnection()
  const node = h('p', { class: 'node' })
  const content = h('main', { id: 'content', tabindex: -1 })
  const element = h(
    'div',
    { class: 'shell' },
    h(
      'header',
      { class: 'top' },
      h('a', { class: 'brand', href: formatRoute(views[0]?.name ?? 'values') }, brand(), 'dstore'),
      node,
      // A caller that is confined to a prefix sees no events of the node.
      may('GET /v1/events') && connection.element,
    ),
    h(
      'nav',
      { class: 'views', 'aria-label': 'Views' },
      h('ul', null, ...[...links.values()].map((one) => h('li', null, one))),
    ),
    content,
    h('footer', { class: 'foot' }, sessionText(session), themeChoice(), endButton(onEnd)),
  )

  const draw = () => {
    const { status, transfers, removals = [], members } = state
    if (status !== undefined) setText(node, `${status.role} · ${status.version}`)
    badge(links.get('transfers'), transfers?.active ?? 0, 'in progress')
    badge(
      links.get('removal'),
      removals.filter(({ endedAt }) => endedAt === undefined).length,
      'in progress',
    )
    const owing =
      members === undefined ? 0 : [...members.values()].filter(({ owes = 0 }) => owes > 0).length
    badge(links.get('machines'), owing, 'owing')
  }
  listen(['status', 'transfers', 'removals', 'members'], () => onFrame(draw))
  draw()

  return {
    element,
    content,
    showConnection: connection.show,
    /**
     * @param {ViewEntry} entry
     * @param {HTMLElement} view
     * @param {boolean} isFirst
     */
    show({ name, label }, view, isFirst) {
      for (const [one, link] of links) setAttribute(link, 'aria-current', one === name && 'page')
      document.title = `${label} – dstore`
      fill(content, view)
      // Both make the browser lay out the page: where it begins with the first view, that is for nothing.
      if (!isFirst || name !== views[0]?.name) {
        links.get(name)?.scrollIntoView({ block: 'nearest', inline: 'center' })
        scrollTo(0, 0)
      }
      // The first view leaves the focus where the browser puts it.
      if (!isFirst) view.querySelector('h1')?.focus()
    },
  }
}

/**
 * @param {HTMLElement | undefined} link
 * @param {number} count
 * @param {string} what
 */
function badge(link, count, what) {
  const shown = link?.querySelector('.badge')
  if (!(shown instanceof HTMLElement)) return
  shown.hidden = count === 0
  setText(shown, count > 99 ? '99+' : String(count))
  setAttribute(shown, 'title', `${count} ${what}`)
}

function brand() {
  const sign = icon('')
  sign.setAttribute('viewBox', '0 0 32 32')
  sign.setAttribute('class', 'sign')
  sign.firstElementChild?.setAttribute(
    'd',
    'M16 6 26 11 16 16 6 11zM6 16.5l10 5 10-5M6 21.500l10 5 10-5',
  )
  return sign
}

/** How the stream of events is. Only a change of the word is read aloud. */
function createConnection() {
  const word = h('span', { role: 'status' }, 'connecting')
  const rest = h('span', { class: 'rest' })
  const element = h('p', { class: 'connection idle' }, h('span', { class: 'dot' }), word, rest)
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer

  /** @param {import('../api/live.js').Connection} connection */
  const show = (connection) => {
    clearInterval(timer)
    const [level, text] = WORDS[connection.is]
    element.className = `connection ${level}`
    setText(word, text)
    setText(rest, '')
    element.title = ''
    if (connection.is === 'refused') {
      setText(rest, connection.error.message)
      element.title = connection.error.hint ?? ''
    }
    if (connection.is !== 'waiting') return
    element.title = connection.error
    const count = () => {
      const left = Math.max(0, connection.until - Date.now())
      setText(rest, `again in ${formatSpan(Math.ceil(left / 1000) * 1000)}`)
    }
    count()
    timer = setInterval(count, 500)
  }
  return { element, show }
}

/** @type {Readonly<Record<import('../api/live.js').Connection['is'], readonly [level: string, word: string]>>} */
const WORDS = {
  connecting: ['idle', 'connecting'],
  live: ['good', 'live'],
  waiting: ['bad', 'not connected'],
  paused: ['idle', 'paused'],
  refused: ['bad', 'refused'],
  closed: ['idle', 'closed'],
}

/** @param {SessionDocument} session */
const sessionText = ({ label, role, prefix, expiresAt }) =>
  h(
    'p',
    { class: 'session' },
    h('strong', null, role),
    h('span', null, prefix === undefined ? ` as ${label}` : ` as ${label}, below ${prefix}`),
    expiresAt !== undefined && h('small', null, 'session ends ', ago(expiresAt)),
  )

/** @param {() => void} onEnd */
function endButton(onEnd) {
  return button('End session', () => {
    endSession().then(onEnd, complain)
  })
}

function themeChoice() {
  const select = h(
    'select',
    {
      'aria-label': 'Theme',
      onchange: () => setTheme(/** @type {import('../first.js').Theme} */ (select.value)),
    },
    h('option', { value: 'system' }, 'System theme'),
    h('option', { value: 'light' }, 'Light theme'),
    h('option', { value: 'dark' }, 'Dark theme'),
  )
  select.value = theme()
  return select
}

/**
 * The page without a session: how to open one.
 * @param {boolean} isEnded
 * @param {{ error?: unknown, cancelled?: number }} [why] The refusal, and the uploads and downloads
 *   that its end cancelled.
 * @returns {HTMLElement}
 */
export function endedPage(isEnded, { error, cancelled = 0 } = {}) {
  const refusal = h('div')
  if (error !== undefined) fillProblem(refusal, error)
  return h(
    'main',
    { id: 'content', class: 'ended', tabindex: -1 },
    brand(),
    h('h1', null, isEnded ? 'The session has ended' : 'No session here'),
    refusal,
    cancelled > 0 &&
      h(
        'p',
        { role: 'alert' },
        `${plural(cancelled, 'upload or download', 'uploads and downloads')} had not ended.`,
      ),
    h(
      'p',
      null,
      isEnded
        ? 'A session ends after a day, with the daemon, or when it is revoked.'
        : 'The page needs a link that works once.',
    ),
    h('p', null, 'Open the page again on the machine of the daemon:'),
    h('pre', null, h('code', null, 'dstore open')),
  )
}
