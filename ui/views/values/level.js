/**
 * One level of names, a page at a time, or the names that a search finds.
 * @module
 */
import { list } from '../../api/client.js'
import { shown } from '../../api/live.js'
import { withQuery } from '../../api/paths.js'
import { may } from '../../api/session.js'
import { formatSize, plural } from '../../core/format.js'
import { formatRoute, levelsOf } from '../../core/routes.js'
import { ago } from '../../parts/ages.js'
import { keyText, link } from '../../parts/copy.js'
import { button, fill, h, icon } from '../../parts/dom.js'
import { fillProblem, isAbort } from '../../parts/notices.js'
import { listen, state } from '../../parts/store.js'
import { PAGE_ROWS, createTable } from '../../parts/table.js'

/** @typedef {import('../../core/documents.js').LevelLine} LevelLine */

/** How long the sizes of prefixes may take to be counted for all that are shown. */
const COUNTING_MS = 5000
const DELIMITER = '/'
/** How often a level is read again while names change, and its sizes are counted again. */
const READ_MS = 2000
const COUNT_MS = 30_000

/**
 * @param {Readonly<Record<string, string>>} query `prefix` or `find`, and `after`.
 */
export function level(query) {
  const { prefix = '', find = '', after = '' } = query
  const place = h(
    'div',
    { class: 'panel', 'aria-busy': 'true' },
    h('p', { class: 'empty' }, 'Reading…'),
  )
  const crumbs = h('div')
  const element = h('div', null, crumbs, place)
  /** @type {Map<string, HTMLElement[]>} */
  const counts = new Map()
  const table = tableOf(prefix, counts)
  table.setEmpty(emptyText(prefix, find))
  const pager = h('div')
  const closing = new AbortController()
  let reading = new AbortController()
  let readAt = -Infinity
  let countedAt = -Infinity
  /** @type {string | undefined} */
  let position
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  /** @type {Map<string, { text: string, line: LevelLine }>} */
  let known = new Map()

  const read = async () => {
    reading.abort()
    reading = new AbortController()
    const { signal } = reading
    readAt = performance.now()
    position = state.status?.position
    try {
      const { lines, isWhole } = await list(pathOf(prefix, find, after), {
        limit: PAGE_ROWS,
        signal,
      })
      show(/** @type {LevelLine[]} */ (lines), isWhole, signal)
    } catch (error) {
      if (!isAbort(error)) fillProblem(place, error)
    } finally {
      place.removeAttribute('aria-busy')
    }
  }

  /** Reads again soon, however often it is called, and not before the page is shown. */
  const readSoon = () => {
    if (timer !== undefined) return
    const wait = Math.max(0, readAt + READ_MS - performance.now())
    timer = setTimeout(async () => {
      await shown(closing.signal)
      timer = undefined
      if (!closing.signal.aborted) void read()
    }, wait)
  }

  /** Reads again if something has changed: which names, the position does not say. */
  const follow = () => {
    if (position !== state.status?.position) readSoon()
  }

  /**
   * @param {readonly LevelLine[]} lines
   * @param {boolean} isWhole
   * @param {AbortSignal} signal
   */
  const show = (lines, isWhole, signal) => {
    /** @type {typeof known} */
    const next = new Map()
    for (const line of lines) {
      const text = JSON.stringify(line)
      const before = known.get(nameOf(line))
      // Rows of the same object stay as they are, with the focus and with their sizes.
      next.set(nameOf(line), before?.text === text ? before : { text, line })
    }
    const isFirst = table.element.parentElement !== place
    const fresh = new Map([...counts].filter(([name]) => next.has(name)))
    counts.clear()
    for (const [name, cells] of fresh) counts.set(name, cells)
    known = next
    table.update([...next.values()].map(({ line }) => line))
    const last = lines.at(-1)
    showPager(isWhole || last === undefined ? undefined : nameOf(last))
    if (isFirst) fill(place, table.element, pager)
    const isDue = performance.now() - countedAt > COUNT_MS
    if (isDue) countedAt = performance.now()
    const uncounted = [...counts].filter(([, [size]]) => isDue || size?.textContent === UNCOUNTED)
    void count(new Map(uncounted), signal)
  }

  let turned = ''
  const showPager = (/** @type {string | undefined} */ next) => {
    if (turned === `${next}`) return
    turned = `${next}`
    pager.className = 'pager'
    pager.hidden = after === '' && next === undefined
    fill(
      pager,
      h('span', { class: 'where' }, after === '' ? '' : `behind ${after}`),
      after !== '' && link(addressOf(prefix, find), 'First page'),
      next !== undefined && link(addressOf(prefix, find, next), 'Next page'),
    )
  }

  fill(crumbs, find === '' ? crumbsOf(prefix, () => void read()) : foundText(find))
  void read()
  const leave = listen(['status'], follow)
  return {
    element,
    reload: readSoon,
    close() {
      leave()
      clearTimeout(timer)
      closing.abort()
      reading.abort()
    },
  }
}

/** Stands where a size is not counted yet. */
const UNCOUNTED = '…'

/**
 * @param {string} prefix
 * @param {string} find
 * @param {string} after
 */
function pathOf(prefix, find, after) {
  const shared = { after, limit: PAGE_ROWS + 1 }
  if (find === '') return withQuery('/v1/names', { ...shared, prefix, delimiter: DELIMITER })
  const isPattern = /[*?[\]\\]/.test(find)
  return withQuery('/v1/names', { ...shared, ...(isPattern ? { match: find } : { prefix: find }) })
}

/** @param {LevelLine} line */
const nameOf = (line) => ('prefix' in line ? line.prefix : line.name)

/**
 * @param {string} prefix
 * @param {string} find
 * @param {string} [after]
 */
const addressOf = (prefix, find, after) => formatRoute('values', [], { prefix, find, after })

/**
 * @param {string} prefix
 * @param {string} find
 */
function emptyText(prefix, find) {
  if (find !== '') return `No name begins with or matches ${find}.`
  if (prefix !== '') return `No name begins with ${prefix}.`
  return may('PUT /v1/values')
    ? 'No name is bound yet. Drop files here, or run `dstore put FILE --name NAME`.'
    : 'No name is bound yet.'
}

/**
 * @param {string} prefix
 * @param {Map<string, HTMLElement[]>} counts Where the sizes of prefixes go.
 */
function tableOf(prefix, counts) {
  /** @type {ReturnType<typeof createTable<LevelLine>>} */
  const table = createTable({
    caption: prefix === '' ? 'Names' : `Names below ${prefix}`,
    keyOf: nameOf,
    columns: [
      { label: 'name', cell: (line) => nameCell(line, prefix) },
      {
        label: 'size',
        class: 'number',
        cell: (line) => ('prefix' in line ? countCell(line.prefix, counts) : formatSize(line.size)),
      },
      {
        label: 'kind',
        class: 'wide',
        cell: (line) => ('prefix' in line ? 'level' : kindText(line.kind)),
      },
      {
        label: 'bound',
        class: 'wide',
        cell: (line) => ('prefix' in line ? '' : ago(line.boundAt)),
      },
      {
        label: 'expires',
        class: 'wider',
        cell: (line) =>
          'prefix' in line ? '' : line.expiresAt === undefined ? 'never' : ago(line.expiresAt),
      },
      { label: 'key', class: 'wider', cell: (line) => ('prefix' in line ? '' : keyText(line.key)) },
    ],
  })
  return table
}

/** @param {string | undefined} kind */
const kindText = (kind) => (kind === 'tag' ? h('span', null, icon('tag'), ' tag') : (kind ?? '–'))

/**
 * @param {LevelLine} line
 * @param {string} prefix
 */
function nameCell(line, prefix) {
  const name = nameOf(line)
  const text = name.startsWith(prefix) && name !== prefix ? name.slice(prefix.length) : name
  if ('prefix' in line) return link(addressOf(line.prefix, ''), text, 'folder')
  const isDirectory = line.key.startsWith('bafy')
  const about = [
    line.kind === 'tag' ? 'tag' : undefined,
    isDirectory ? 'directory' : undefined,
  ].filter(Boolean)
  return [
    link(formatRoute('values', [name]), text, isDirectory ? 'folder' : 'file'),
    about.length > 0 && h('small', null, about.join(', ')),
  ]
}

/**
 * @param {string} prefix
 * @param {Map<string, HTMLElement[]>} counts
 */
function countCell(prefix, counts) {
  const size = h('span', { class: 'muted' }, UNCOUNTED)
  const names = h('small')
  counts.set(prefix, [size, names])
  return [size, names]
}

/**
 * Counts what is below each prefix, one after another, and stops where that takes too long.
 * @param {Map<string, HTMLElement[]>} counts
 * @param {AbortSignal} signal
 */
async function count(counts, signal) {
  const begin = performance.now()
  for (const [prefix, [size, names]] of counts) {
    if (size === undefined || names === undefined) continue
    if (!may('GET /v1/usage') || performance.now() - begin > COUNTING_MS) {
      fill(size, '–')
      continue
    }
    try {
      const { lines } = await list(withQuery('/v1/usage', { prefix }), { limit: 1, signal })
      const usage = /** @type {{ names: number, size: number } | undefined} */ (lines[0])
      if (usage === undefined) continue
      fill(size, formatSize(usage.size))
      fill(names, plural(usage.names, 'name'))
    } catch (error) {
      if (isAbort(error)) return
      fill(size, '–')
    }
  }
}

/**
 * The levels above, as links.
 * @param {string} prefix
 * @param {() => void} onRefresh
 */
function crumbsOf(prefix, onRefresh) {
  const levels = levelsOf(prefix)
  return h(
    'div',
    { class: 'toolbar' },
    h(
      'nav',
      { class: 'path', 'aria-label': 'Level' },
      h(
        'ol',
        { class: 'crumbs' },
        h('li', null, link(addressOf('', ''), 'all names')),
        ...levels.map((one) => h('li', null, link(addressOf(one.prefix, ''), one.label))),
      ),
    ),
    button('Refresh', onRefresh, { kind: 'quiet' }),
  )
}

/** @param {string} find */
const foundText = (find) =>
  h(
    'div',
    { class: 'toolbar' },
    h('p', null, 'Found for ', h('strong', null, find)),
    link(addressOf('', ''), 'All names'),
  )
