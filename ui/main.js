/**
 * Shows the view that the address names, once there is a session.
 * @module
 */
import { ApiError, whenEnded } from './api/client.js'
import { may } from './api/session.js'
import { opening } from './begin.js'
import { formatRoute, parseRoute } from './core/routes.js'
import { cancelAll } from './parts/activity.js'
import { fill } from './parts/dom.js'
import { fillProblem, hasUnreached, noticesPlace } from './parts/notices.js'
import { createShell, endedPage } from './parts/shell.js'
import { listen, showConnection } from './parts/store.js'
import { refuseDrop } from './parts/uploads.js'
import { overview } from './views/overview.js'

/**
 * @typedef {import('./core/routes.js').Route} Route
 *
 * @typedef {object} View
 * @property {HTMLElement} element
 * @property {(route: Route) => void} [update] Shows another route of the same view.
 * @property {() => void} close
 *
 * @typedef {object} ViewEntry
 * @property {string} name
 * @property {string} label
 * @property {() => boolean} isOpen Whether the caller may see it.
 * @property {() => Promise<(route: Route) => View>} load
 */

/** @type {readonly ViewEntry[]} */
const VIEWS = [
  {
    name: 'overview',
    label: 'Overview',
    isOpen: () => may('GET /v1/events'),
    // The first view comes with the page.
    load: async () => overview,
  },
  {
    name: 'machines',
    label: 'Machines',
    isOpen: () => may('GET /v1/events'),
    load: async () => (await import('./views/machines.js')).machines,
  },
  {
    name: 'values',
    label: 'Values',
    isOpen: () => may('GET /v1/names'),
    load: async () => (await import('./views/values.js')).values,
  },
  {
    name: 'changes',
    label: 'Changes',
    isOpen: () => may('GET /v1/changes'),
    load: async () => (await import('./views/changes.js')).changes,
  },
  {
    name: 'transfers',
    label: 'Transfers',
    isOpen: () => may('GET /v1/events'),
    load: async () => (await import('./views/transfers.js')).transfers,
  },
  {
    name: 'removal',
    label: 'Removal',
    isOpen: () =>
      may('DELETE /v1/values/{key}') || may('DELETE /v1/names/{name}') || may('GET /v1/events'),
    load: async () => (await import('./views/removal.js')).removal,
  },
  {
    name: 'access',
    label: 'Access',
    isOpen: () => may('GET /v1/rules') || may('GET /v1/members') || may('GET /v1/tokens'),
    load: async () => (await import('./views/access.js')).access,
  },
]

/** How often a view that could not be read is read again. */
const READ_AGAIN_MS = 3000
const TRY_MS = 10_000

const page = /** @type {HTMLElement} */ (document.querySelector('#page'))
/** @type {(() => void)[]} */
const closing = []

let hasEnded = false

/** What is shown when the session is over, whatever ended it. */
function end() {
  // Each call that is refused says so.
  if (hasEnded) return
  hasEnded = true
  for (const close of closing.splice(0)) close()
  fill(page, endedPage(true, { cancelled: cancelAll() }))
  document.title = 'Session ended – dstore'
}

async function start() {
  document.body.append(noticesPlace())
  whenEnded(end)
  let opened
  try {
    opened = await opening
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) fill(page, endedPage(true, { error }))
    else fillProblem(page, error)
    return
  }
  if (opened === undefined) {
    fill(page, endedPage(false))
    return
  }
  closing.push(opened.close)
  const open = VIEWS.filter(({ isOpen }) => isOpen())
  const shell = createShell(open, opened.session, end)
  showConnection(shell.showConnection)
  fill(page, shell.element)
  const router = createRouter(open, shell)
  const again = () => router.readAgain()
  // Rates come once a second: the daemon answers. A caller without events can only try.
  const stop = may('GET /v1/events') ? listen(['rates'], again) : every(TRY_MS, again)
  closing.push(() => router.close(), stop)
}

/**
 * Acts again and again while the page is shown. The function that it returns ends that.
 * @param {number} ms
 * @param {() => void} act
 * @returns {() => void}
 */
function every(ms, act) {
  const timer = setInterval(() => {
    if (!document.hidden) act()
  }, ms)
  return () => clearInterval(timer)
}

/**
 * Shows the view that the address names, and follows it.
 * @param {readonly ViewEntry[]} open
 * @param {ReturnType<typeof createShell>} shell
 */
function createRouter(open, shell) {
  /** @type {{ name: string, view: View } | undefined} */
  let shown
  let turn = 0
  let readAt = -Infinity

  const follow = async () => {
    const route = parseRoute(location.hash)
    const entry = open.find(({ name }) => name === route?.view)
    if (route === undefined || entry === undefined) {
      if (open[0] === undefined) return
      history.replaceState(null, '', formatRoute(open[0].name))
      await follow()
      return
    }
    if (shown?.name === entry.name && shown.view.update !== undefined) {
      shown.view.update(route)
      return
    }
    const own = ++turn
    try {
      const create = await entry.load()
      if (own !== turn) return
      shown?.view.close()
      const isFirst = shown === undefined
      shown = { name: entry.name, view: create(route) }
      shell.show(entry, shown.view.element, isFirst)
    } catch (error) {
      fillProblem(shell.content, error)
    }
  }

  const onHash = () => void follow()
  addEventListener('hashchange', onHash)
  void follow()
  return {
    /** Shows the view anew, if the daemon did not answer to what it asked. */
    readAgain() {
      if (performance.now() - readAt < READ_AGAIN_MS || !hasUnreached(shell.content)) return
      readAt = performance.now()
      shown?.view.close()
      shown = undefined
      void follow()
    },
    close() {
      removeEventListener('hashchange', onHash)
      shown?.view.close()
    },
  }
}

// The fragment is the address of the view: the skip link must not change it.
document.querySelector('.skip')?.addEventListener('click', (event) => {
  event.preventDefault()
  const content = document.querySelector('#content')
  if (content instanceof HTMLElement) content.focus()
})

// A link with a new code, followed while the page is open, changes the fragment alone.
addEventListener('hashchange', () => {
  if (location.hash.startsWith('#code=')) location.reload()
})

addEventListener('dragover', refuseDrop)
addEventListener('drop', refuseDrop)

await start()
